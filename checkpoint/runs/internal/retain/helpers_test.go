package retain

// This file is how tests write histories and read plans.

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is when the histories of the tests begin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// history is items of steps 100, 200, ..., saved ten minutes apart; with changes some.
func history(n int, with ...func(items []Item)) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{
			Generation: 1, Step: int64(100 * (i + 1)), Time: noon.Add(time.Duration(i) * 10 * time.Minute),
			Files: []Inode{{ID: uint64(i), Bytes: 10}},
		}
	}
	for _, change := range with {
		change(items)
	}
	return items
}

// scores gives the items a metric; the text says nothing where one has none.
func scores(name string, values ...any) func(items []Item) {
	return func(items []Item) {
		for i, v := range values {
			if f, ok := v.(float64); ok {
				items[i].Metrics = map[string]float64{name: f}
			}
		}
	}
}

func itemsIn(verdicts []Verdict) []Item {
	items := make([]Item, len(verdicts))
	for i, v := range verdicts {
		items[i] = v.Item
	}
	return items
}

// steps is the steps of verdicts or items, with the generation unless it is the first.
func steps(items []Item) string {
	var words []string
	for _, item := range items {
		word := fmt.Sprint(item.Step)
		if item.Generation > 1 {
			word += fmt.Sprintf("g%d", item.Generation)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func kept(p Policy, items []Item, now time.Time) string {
	return steps(itemsIn(p.Plan(items, now).Keep))
}

// A key is what items are told apart by.
type key struct {
	generation uint64
	step       int64
}

func keyOf(item Item) key { return key{item.Generation, item.Step} }

// requireNoneOf says that no verdict of some is among others.
func requireNoneOf(t *testing.T, some, others []Verdict, what ...any) {
	t.Helper()
	in := make(map[key]bool, len(others))
	for _, v := range others {
		in[keyOf(v.Item)] = true
	}
	for _, v := range some {
		if in[keyOf(v.Item)] {
			require.Fail(t, fmt.Sprintf("step %d of generation %d is in both", v.Item.Step, v.Item.Generation), what...)
		}
	}
}

// end is the time of the newest item.
func end(items []Item) time.Time { return items[len(items)-1].Time }

// why is the reasons for one step.
func why(plan Plan, step int64) string {
	for _, v := range append(plan.Keep, plan.Delete...) {
		if v.Item.Step == step {
			return strings.Join(v.Reasons, "; ")
		}
	}
	return ""
}

// histories is how many random histories are tried: KIBISIS_HISTORIES, else as many as are usual.
var histories = func() uint64 {
	n, err := strconv.ParseUint(os.Getenv("KIBISIS_HISTORIES"), 10, 64)
	if err != nil {
		return usual
	}
	return n
}()
