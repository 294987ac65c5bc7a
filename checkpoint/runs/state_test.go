package runs

// These tests save a value as a run does, and restore it into another one.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	randv1 "math/rand"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// encoded is the entry of v in state.json, as it is in the file.
func encoded(v any) (json.RawMessage, error) {
	c := &capture{entries: map[string]json.RawMessage{}}
	if err := State("it", v).capture(c); err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	err := json.Indent(&indented, c.entries["it"], "    ", "  ")
	return indented.Bytes(), err
}

func stageFrom(v any, raw json.RawMessage) (func() error, error) {
	from := &saved{c: &store.Checkpoint{}, state: stateFile{Parts: map[string]json.RawMessage{"it": raw}}}
	return State("it", v).stage(context.Background(), from)
}

func restoreInto(v any, raw json.RawMessage) error {
	apply, err := stageFrom(v, raw)
	if err != nil {
		return err
	}
	return apply()
}

// requireRoundTrip saves one value and restores it into the other.
func requireRoundTrip(t require.TestingT, from, into any) {
	raw, err := encoded(from)
	require.NoError(t, err)
	require.NoError(t, restoreInto(into, raw), "%s", raw)
	require.Equal(t, from, into, "%s", raw)
}

type progress struct {
	Epoch int64
	Seen  map[string]uint64
	Order []int32
	Best  *float64
	Rate  struct{ Now, Decay float64 }
	When  time.Time
	Note  string    `json:",omitempty"`
	Last  *progress `json:"last,omitempty"`
}

func drawProgress(t *rapid.T, deep bool) *progress {
	p := &progress{
		Epoch: rapid.Int64().Draw(t, "epoch"),
		Seen:  rapid.MapOf(rapid.String(), rapid.Uint64()).Draw(t, "seen"),
		Order: rapid.SliceOf(rapid.Int32()).Draw(t, "order"),
		When:  time.Unix(rapid.Int64Range(0, 1e10).Draw(t, "when"), 5).UTC(),
		Note:  rapid.SampledFrom([]string{"", "\ufffd\\ufffd\u2028<&>"}).Draw(t, "note"),
	}
	p.Rate.Now = rapid.Float64().Draw(t, "rate")
	if rapid.Bool().Draw(t, "best") {
		p.Best = &p.Rate.Now
		best := rapid.Float64().Draw(t, "best")
		p.Best = &best
	}
	if deep && rapid.Bool().Draw(t, "last") {
		p.Last = drawProgress(t, false)
	}
	return p
}

// Whatever a value was, it is afterwards the one that was saved: nothing of before stays.
func TestStateReplacesAnyValue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		requireRoundTrip(rt, drawProgress(rt, true), drawProgress(rt, true))
	})
}

func TestStateKeepsIntegersExact(t *testing.T) {
	var i int64
	var u uint64
	for _, n := range []int64{math.MaxInt64, math.MinInt64, 1<<53 + 1} {
		requireRoundTrip(t, &n, &i)
	}
	most := uint64(math.MaxUint64)
	requireRoundTrip(t, &most, &u)
	many := map[string]any{"n": int64(1<<53 + 1), "min": int64(math.MinInt64)}
	requireRoundTrip(t, &many, &map[string]any{})
}

// An interface holds what it held, of the same type.
func TestStateKeepsTypesInInterfaces(t *testing.T) {
	type holder struct {
		Any   any
		List  []any
		Deep  map[string]*map[string]any
		Plain float64
	}
	inner := map[string]any{"whole": 5.0, "large": 1e21, "zero": math.Copysign(0, -1), "tiny": 5e-324, "int": int64(5)}
	v := &holder{
		Any: 3.0, Plain: 4, List: []any{nil, true, "5.0", int64(-1), -1.0, []any{}, map[string]any{"x": 2.0}},
		Deep: map[string]*map[string]any{"inner": &inner, "none": nil},
	}
	requireRoundTrip(t, v, &holder{Any: map[string]any{"stale": true}, List: []any{int64(1)}, Deep: map[string]*map[string]any{"stale": nil}})
	require.Equal(t, 5.0, inner["whole"], "saving does not change what is saved")
	require.Equal(t, 3.0, v.Any)

	for _, bad := range []any{int(5), uint64(5), float32(5), map[string]int{}, json.Number("5"), &inner, struct{}{}} {
		_, err := encoded(&holder{List: []any{nil, bad}})
		require.ErrorContains(t, err, fmt.Sprintf("List[1] is a %T in an interface", bad))
	}
}

func TestStateFillsInPlace(t *testing.T) {
	type inner struct {
		Count int
		name  string
	}
	type outer struct {
		mu     sync.Mutex
		Seen   map[string]int
		Inner  *inner
		Skip   func() `json:"-"`
		Faster []inner
		Any    any
	}
	raw, err := encoded(&outer{Seen: map[string]int{"new": 2}, Inner: &inner{Count: 7}, Faster: []inner{{Count: 1}}, Any: int64(1)})
	require.NoError(t, err)
	in, seen, faster := &inner{Count: 1, name: "kept"}, map[string]int{"stale": 1}, []inner{{Count: 5, name: "old"}}
	v := &outer{Inner: in, Seen: seen, Faster: faster, Skip: func() {}}
	v.mu.Lock()
	require.NoError(t, restoreInto(v, raw))
	require.False(t, v.mu.TryLock(), "what JSON does not see stays")
	require.NotNil(t, v.Skip)
	require.Equal(t, &inner{7, "kept"}, in)
	require.Same(t, in, v.Inner)
	require.Equal(t, map[string]int{"new": 2}, seen, "whoever has the map sees the new content")
	require.Equal(t, []inner{{Count: 1}}, v.Faster)
	require.Equal(t, []inner{{5, "old"}}, faster, "whoever has the slice keeps the old one")
	require.Equal(t, int64(1), v.Any)

	raw, err = encoded(&outer{})
	require.NoError(t, err)
	require.NoError(t, restoreInto(v, raw))
	require.Nil(t, v.Inner)
	require.Nil(t, v.Seen)
	require.Nil(t, v.Any)
}

func TestStateOfRandomSources(t *testing.T) {
	sources := []func(seed uint64) rand.Source{
		func(seed uint64) rand.Source { return rand.NewPCG(seed, 2) },
		func(seed uint64) rand.Source { return rand.NewChaCha8([32]byte{byte(seed)}) },
	}
	for _, source := range sources {
		one, two := source(1), source(3)
		one.Uint64()
		raw, err := encoded(one)
		require.NoError(t, err)
		require.Contains(t, string(raw), `"binary"`)
		require.NoError(t, restoreInto(two, raw))
		require.Equal(t, one, two)
		require.Equal(t, one.Uint64(), two.Uint64())
		for _, bad := range []string{`{}`, `{"binary":null}`, `{"binary":"AAAA"}`, `{"binary":5}`, `{"binary":"!"}`, `{"binary":"","more":1}`, `[]`, `null`} {
			before, err := encoded(two)
			require.NoError(t, err)
			require.ErrorContains(t, restoreInto(two, json.RawMessage(bad)), `part "it"`, bad)
			after, err := encoded(two)
			require.NoError(t, err)
			require.Equal(t, string(before), string(after), "%s changed it", bad)
		}
	}
}

// What cannot be saved is an error that says what to do, at the first save.
func TestStateRefuses(t *testing.T) {
	type hidden struct{ n int }
	type locked struct {
		sync.Mutex
		N int
	}
	type twice struct {
		*rand.PCG
		Position int
	}
	type method interface{ Step() }
	type cycle struct{ Next *cycle }
	type anyCycle struct {
		Next *anyCycle
		Any  any
	}
	loop, anyLoop := &cycle{}, &anyCycle{}
	loop.Next, anyLoop.Next = loop, anyLoop
	self := map[string]any{}
	self["self"] = self
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "nil: want a pointer"},
		{5, "a int: want a pointer"},
		{map[string]int{}, "a map[string]int: want a pointer"},
		{(*progress)(nil), "a *runs.progress that is nil"},
		{(*rand.PCG)(nil), "a *rand.PCG that is nil"},
		{rand.New(rand.NewPCG(1, 2)), "make it with rand.New of a *rand.PCG"},
		{randv1.New(randv1.NewSource(1)), "make it with rand.New of a *rand.PCG"},
		{&struct{ Rng *rand.Rand }{}, "Rng is a rand.Rand, of which JSON sees no field"},
		{&struct{ In []struct{ Rng *rand.PCG } }{}, "In.Rng is a rand.PCG, of which JSON sees no field"},
		{&struct{ *randv1.Rand }{}, "Rand is a rand.Rand, of which JSON sees no field"},
		{&struct{ N atomic.Int64 }{}, "N is a atomic.Int64, of which JSON sees no field"},
		{&struct{ M *sync.Map }{}, "M is a sync.Map, of which JSON sees no field"},
		{&hidden{}, "it is a runs.hidden, of which JSON sees no field"},
		{&twice{rand.NewPCG(1, 2), 3}, "only the embedded PCG would be saved"},
		{&struct{ T stamped }{}, "T is a runs.stamped, which has MarshalJSON only from a field that is embedded"},
		{&struct{ T []*stampedByText }{}, "T is a runs.stampedByText, which has MarshalText only from a field that is embedded"},
		{&struct{ S method }{}, "S is an interface, runs.method"},
		{&struct{ T onlyMarshals }{}, "T is a runs.onlyMarshals, which has MarshalJSON and no UnmarshalJSON"},
		{new(onlyMarshals), "which has MarshalJSON and no UnmarshalJSON"},
		{&struct{ Loss []float64 }{[]float64{1, math.NaN()}}, "Loss[1] is NaN, for which JSON has no number"},
		{&struct{ Loss map[string]any }{map[string]any{"val": math.Inf(-1)}}, "Loss[val] is -Inf, for which JSON has no number"},
		{&struct{ Best *float32 }{new(float32(math.Inf(1)))}, "Best is +Inf, for which JSON has no number"},
		{&struct{ Name string }{"\xff"}, "a string is not UTF-8"},
		{&map[string]int{"\xff": 1}, "a string is not UTF-8"},
		{&struct{ F func() }{}, "unsupported type: func()"},
		{&struct{ C complex128 }{}, "unsupported type: complex128"},
		{loop, "cycle"},
		{anyLoop, "nested more than 1000 deep"},
		{&self, "nested more than 1000 deep"},
		{failing{}, "want a pointer"},
		{&failing{}, "it does not want to"},
	} {
		_, err := encoded(c.v)
		require.ErrorContains(t, err, c.want, "%T", c.v)
		require.ErrorContains(t, err, `part "it"`)
		_, err = stageFrom(c.v, json.RawMessage(`{}`))
		require.ErrorContains(t, err, `part "it"`, "%T", c.v)
	}
	raw, err := encoded(&locked{N: 5})
	require.NoError(t, err)
	var back locked
	require.NoError(t, restoreInto(&back, raw))
	require.Equal(t, 5, back.N)
	require.NoError(t, restoreInto(&struct{}{}, json.RawMessage(`{}`)))
}

type onlyMarshals struct{ N int }

func (onlyMarshals) MarshalJSON() ([]byte, error) { return []byte("5"), nil }

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("it does not want to") }
func (*failing) UnmarshalJSON([]byte) error  { return nil }

// A file of another version of the program is restored whole or not at all.
func TestStateIsStrict(t *testing.T) {
	type inner struct {
		X int
		Y float32
	}
	type now struct {
		Epoch int8
		Steps int    `json:"steps"`
		Note  string `json:",omitempty"`
		Pair  [2]int
		List  []inner
		Map   map[string]inner
		Any   any
	}
	const good = `{"Epoch":1,"steps":2,"Pair":[1,2],"List":[{"X":1,"Y":2.5}],"Map":{"a":{"X":1,"Y":1}},"Any":null}`
	v := &now{Epoch: 9, Note: "stale", List: []inner{{7, 8}}, Any: 1.0}
	require.NoError(t, restoreInto(v, json.RawMessage(good)))
	require.Equal(t, &now{Epoch: 1, Steps: 2, Pair: [2]int{1, 2}, List: []inner{{1, 2.5}}, Map: map[string]inner{"a": {1, 1}}}, v)
	require.NoError(t, restoreInto(v, json.RawMessage(strings.Replace(good, `{`, `{"Note":"",`, 1))), "written before it was tagged")
	for _, c := range []struct{ old, new, want string }{
		{`"Epoch":1,`, ``, "the file has no Epoch"},
		{`"Epoch":1,"steps":2,`, ``, "the file has no Epoch; the file has no steps"},
		{`"steps"`, `"Steps"`, "the file has no steps"},
		{`"X":1,"Y":2.5`, `"X":1`, "the file has no List[0].Y"},
		{`{"X":1,"Y":1}`, `{}`, "the file has no Map.a.X; the file has no Map.a.Y"},
		{`"Epoch":1`, `"Epoch":1,"old":{"a":1},"older":2`, "the file has old, and the type has not; the file has older, and the type has not"},
		{`"Y":2.5`, `"Y":2.5,"Z":0`, "the file has List[0].Z, and the type has not"},
		{`"Epoch":1`, `"Epoch":300`, "cannot unmarshal number 300 into Go struct field"},
		{`"Epoch":1`, `"Epoch":1.5`, "cannot unmarshal number 1.5 into Go struct field"},
		{`"Epoch":1`, `"Epoch":"1"`, "cannot unmarshal string into Go struct field"},
		{`"Epoch":1`, `"Epoch":null`, "Epoch is null in the file, and would be 0"},
		{`"Y":2.5`, `"Y":16777217`, "List[0].Y is 16777217 in the file, and would be 16777216"},
		{`[1,2]`, `[1,2,3]`, "Pair is [1,2,3] in the file, and would be [1,2]"},
		{`[1,2]`, `[1]`, "Pair is [1] in the file, and would be [1,0]"},
		{`"Any":null`, `"Any":9223372036854775808`, "Any: "},
		{`"Any":null`, `"Any":1e999`, "Any: "},
		{good, `null`, "it is null in the file"},
		{good, `[]`, "cannot unmarshal array"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		require.NotEqual(t, good, text)
		require.ErrorContains(t, restoreInto(v, json.RawMessage(text)), c.want, text)
		require.Equal(t, &now{Epoch: 1, Steps: 2, Pair: [2]int{1, 2}, List: []inner{{1, 2.5}}, Map: map[string]inner{"a": {1, 1}}}, v, "%s changed it", text)
	}
	many := map[string]int{}
	for i := range 1000 {
		many[fmt.Sprint("field", i)] = i
	}
	text, err := json.Marshal(many)
	require.NoError(t, err)
	err = restoreInto(v, text)
	require.ErrorContains(t, err, "the file has no Any")
	require.Less(t, len(err.Error()), 5000)
}

func TestStateMissingFromTheFile(t *testing.T) {
	from := &saved{c: &store.Checkpoint{}, state: stateFile{Parts: map[string]json.RawMessage{"other": []byte("1")}}}
	var n int
	_, err := State("it", &n).stage(t.Context(), from)
	require.ErrorContains(t, err, `part "it"`)
	require.ErrorContains(t, err, "other")
}

// A sampler goes through the rows of some data, which is not saved.
type sampler struct {
	rows  []string
	order []int
	next  int
	fails map[string]bool // texts
}

type samplerState struct {
	Order []int `json:"order"`
	Next  int   `json:"next"`
}

func (s *sampler) MarshalJSON() ([]byte, error) { return json.Marshal(samplerState{s.order, s.next}) }

func (s *sampler) UnmarshalJSON(b []byte) error {
	var st samplerState
	if err := json.Unmarshal(b, &st); err != nil {
		return err
	}
	s.order, s.next = st.Order, st.Next // even if it fails
	if len(st.Order) != len(s.rows) {
		return fmt.Errorf("an order of %d rows, of %d", len(st.Order), len(s.rows))
	}
	if s.fails[string(b)] {
		delete(s.fails, string(b))
		return errors.New("it fails once")
	}
	return nil
}

func TestStateWithMethodsOfItsOwn(t *testing.T) {
	rows := []string{"a", "b", "c"}
	raw, err := encoded(&sampler{rows: rows, order: []int{2, 0, 1}, next: 2})
	require.NoError(t, err)
	v := &sampler{rows: rows, order: []int{0, 1, 2}}
	apply, err := stageFrom(v, raw)
	require.NoError(t, err)
	require.Equal(t, &sampler{rows: rows, order: []int{0, 1, 2}}, v, "staging changes nothing")
	require.NoError(t, apply())
	require.Equal(t, &sampler{rows: rows, order: []int{2, 0, 1}, next: 2}, v)

	fewer := &sampler{rows: rows[:2], order: []int{0, 1}, next: 1}
	_, err = stageFrom(fewer, raw)
	require.ErrorContains(t, err, `part "it": an order of 3 rows, of 2`)
	require.Equal(t, &sampler{rows: rows[:2], order: []int{0, 1}, next: 1}, fewer, "what it did is undone")
}

func TestStateIsPutBackWhenApplyFails(t *testing.T) {
	raw, err := encoded(&sampler{rows: []string{"a"}, order: []int{0}, next: 1})
	require.NoError(t, err)
	v := &sampler{rows: []string{"a"}, order: []int{0}, fails: map[string]bool{}}
	apply, err := stageFrom(v, raw)
	require.NoError(t, err)
	v.fails[`{"order":[0],"next":1}`] = true
	require.ErrorContains(t, apply(), `part "it": it fails once`)
	require.Zero(t, v.next)

	type holder struct {
		N       int
		Sampler *sampler
	}
	h := &holder{1, &sampler{rows: []string{}, order: []int{}, fails: map[string]bool{}}}
	raw, err = encoded(&holder{2, &sampler{rows: []string{}, order: []int{}, next: 1}})
	require.NoError(t, err)
	apply, err = stageFrom(h, raw)
	require.NoError(t, err)
	h.Sampler.fails[`{"order":[],"next":1}`] = true
	require.ErrorContains(t, apply(), "it fails once")
	require.Equal(t, 1, h.N)
	require.Zero(t, h.Sampler.next)
}

// A forgetful type saves less than it has.
type forgetful struct{ n, saves int }

func (f *forgetful) MarshalJSON() ([]byte, error) {
	f.saves++
	return json.Marshal(f.saves)
}
func (f *forgetful) UnmarshalJSON([]byte) error { return nil }

func TestStateThatCannotUndoItselfIsRefused(t *testing.T) {
	_, err := stageFrom(&forgetful{}, json.RawMessage(`5`))
	require.ErrorContains(t, err, "what its methods save, they do not restore")
}

// Methods that a nested value has are those of the live one.
func TestStateAsksNestedValues(t *testing.T) {
	type holder struct {
		When    time.Time
		Source  *embeddable `json:",omitempty"`
		Missing *embeddable `json:",omitempty"`
		Bound   *embeddable
	}
	raw, err := encoded(&holder{When: time.Unix(5, 0).UTC(), Source: &embeddable{n: 7}, Bound: &embeddable{n: 8}})
	require.NoError(t, err)
	v := &holder{Source: &embeddable{n: 1}, Missing: &embeddable{n: 3}, Bound: &embeddable{Rows: []string{"a"}}}
	require.NoError(t, restoreInto(v, raw))
	require.Equal(t, &holder{When: time.Unix(5, 0).UTC(), Source: &embeddable{n: 7}, Bound: &embeddable{n: 8, Rows: []string{"a"}}}, v)
}

// stamped has the methods of its time, and so would lose its count.
type stamped struct {
	time.Time
	Count int
}

type stampedByText struct {
	*embeddable
	Count int
}

// ownStamp is the same, and saves all of it.
type ownStamp[T any] struct {
	time.Time
	Count T
}

func (s ownStamp[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"time": s.Time, "count": s.Count})
}

func (s *ownStamp[T]) UnmarshalJSON(b []byte) error {
	var in struct {
		Time  time.Time
		Count T
	}
	err := json.Unmarshal(b, &in)
	s.Time, s.Count = in.Time, in.Count
	return err
}

type ownText struct {
	embeddable
	Count int
}

func (t *ownText) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(t.n, t.Count)), nil }
func (t *ownText) UnmarshalText(b []byte) error {
	_, err := fmt.Sscan(string(b), &t.n, &t.Count)
	return err
}

// Methods that a type has written for itself are taken for what they say, whatever is embedded.
func TestStateWithMethodsOfItsOwnBesideEmbeddedOnes(t *testing.T) {
	type holder struct {
		A ownStamp[int]
		B *ownText
		C []ownStamp[string]
	}
	v := &holder{ownStamp[int]{time.Unix(5, 0).UTC(), 3}, &ownText{embeddable{n: 7}, 8}, []ownStamp[string]{{time.Unix(6, 0).UTC(), "x"}}}
	raw, err := encoded(v)
	require.NoError(t, err)
	again := &holder{B: &ownText{}}
	require.NoError(t, restoreInto(again, raw))
	require.Equal(t, v, again)
}

type embeddable struct {
	n    int
	Rows []string // which are not saved
}

func (e *embeddable) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(e.n)), nil }
func (e *embeddable) UnmarshalText(b []byte) error {
	_, err := fmt.Sscan(string(b), &e.n)
	return err
}

func FuzzState(f *testing.F) {
	for _, text := range []string{`{}`, `{"Epoch":1}`, `null`, `{"Seen":{"a":1}}`, `{"last":{"last":null}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		v := &progress{Epoch: 5, Seen: map[string]uint64{"a": 1}, Last: &progress{}}
		before, err := encoded(v)
		require.NoError(t, err)
		apply, err := stageFrom(v, data)
		after, again := encoded(v)
		require.NoError(t, again)
		require.Equal(t, string(before), string(after))
		if err == nil {
			require.NoError(t, apply())
			_, err = encoded(v)
			require.NoError(t, err)
		}
	})
}

// TestInfinityInAFloat: what nothing was better than yet.
func TestInfinityInAFloat(t *testing.T) {
	type early struct {
		Best     Float `json:"best"`
		Patience int   `json:"patience"`
	}
	was := &early{Best: Float(math.Inf(1)), Patience: 3}
	is := &early{Best: 1}
	r := newRun(t, runPath(t), nil)
	_, err := r.Restore(t.Context(), State("early", was))
	require.NoError(t, err)
	require.NoError(t, r.Save(t.Context(), 1, nil))
	require.NoError(t, r.Close())
	r = newRun(t, r.Path(), nil)
	_, err = r.Restore(t.Context(), State("early", is))
	require.NoError(t, err)
	require.Equal(t, was, is)
	require.NoError(t, r.Close())
}
