package safetensors

// This file holds indexes against what Python makes of them.

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIndexPrintsAsInPython(t *testing.T) {
	for want, ix := range map[string]Index{
		":":       All(),
		"-3":      At(-3),
		"2:":      Range(2, End),
		"0:-1":    Range(0, -1),
		":3":      Range(Begin, 3),
		"...":     Ellipsis(),
		"::-1":    All().By(-1),
		"::2":     Range(Begin, End).By(2),
		"::-2":    Range(End, Begin).By(-2),
		"1::3":    Range(1, End).By(3),
		"7:2:-1":  Range(7, 2).By(-1),
		":2:-1":   Range(End, 2).By(-1),
		"7::-1":   Range(7, Begin).By(-1),
		"::0":     All().By(0),
		"1:5":     Range(1, 5).By(2).By(1),
		"-5:-1:2": Range(-5, -1).By(2),
	} {
		require.Equal(t, want, ix.String())
	}
	require.Zero(t, All(), "the zero Index is All")
	require.Equal(t, All(), All().By(1))
}

// bounds are those at which something changes, for an axis of 5.
var bounds = []int{Begin, Begin + 1, -7, -6, -5, -4, -1, 0, 1, 2, 4, 5, 6, End - 1, End}

var steps = []int{math.MinInt, math.MinInt + 1, -6, -5, -3, -2, -1, 1, 2, 3, 5, 6, math.MaxInt}

// Every bound with every step selects what the plainest code selects, and what
// Python selects where there is one: no bound and no step overflows.
func TestIndexSelectsAsPythonDoes(t *testing.T) {
	var questions, answers bytes.Buffer
	for _, n := range []int{0, 1, 5} {
		for _, lo := range bounds {
			for _, hi := range bounds {
				for _, step := range steps {
					ix := Range(lo, hi).By(step)
					first, count, err := ix.on(int64(n))
					require.NoError(t, err)
					var got []int
					for i := range count {
						got = append(got, int(first+i*int64(step)))
					}
					require.Equal(t, kept(ix, n), got, "%s on %d", ix, n)
					questions.WriteString("list(range(" + strconv.Itoa(n) + ")[" + ix.String() + "])\n")
					answers.WriteString("[" + strings.Join(texts(got), ", ") + "]\n")
				}
			}
		}
	}
	python := os.Getenv("KIBISIS_PYTHON")
	if python == "" {
		t.Skip("KIBISIS_PYTHON names no Python to ask as well")
	}
	ask := exec.Command(python, "-c", "import sys\nfor q in sys.stdin: print(eval(q))")
	ask.Stdin = &questions
	said, err := ask.Output()
	require.NoError(t, err)
	require.Equal(t, answers.String(), strings.ReplaceAll(string(said), "\r\n", "\n"))
}

func texts(numbers []int) []string {
	var list []string
	for _, i := range numbers {
		list = append(list, strconv.Itoa(i))
	}
	return list
}

// Axes longer than int counts have ends, too.
func TestIndexOnTheLongestAxis(t *testing.T) {
	for _, c := range []struct {
		ix           Index
		first, count int64
	}{
		{All(), 0, math.MaxInt64},
		{All().By(-1), math.MaxInt64 - 1, math.MaxInt64},
		{Range(2, End), 2, math.MaxInt64 - 2},
		{Range(End, Begin).By(-2), math.MaxInt64 - 1, math.MaxInt64/2 + 1},
		{Range(Begin, End).By(3), 0, math.MaxInt64/3 + 1},
		{Range(-2, End), math.MaxInt64 - 2, 2},
		{At(-1), math.MaxInt64 - 1, 1},
		{Range(-1, 3).By(math.MinInt), math.MaxInt64 - 1, 1 + (math.MaxInt64-5)/(1<<(strconv.IntSize-2))/2},
	} {
		first, count, err := c.ix.on(math.MaxInt64)
		require.NoError(t, err)
		require.Equal(t, [2]int64{c.first, c.count}, [2]int64{first, count}, "%s", c.ix)
	}
}
