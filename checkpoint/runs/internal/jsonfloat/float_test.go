package jsonfloat

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSpellings(t *testing.T) {
	for text, f := range map[string]float64{
		`"NaN"`: math.NaN(), `"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1),
		`0`: 0, `-0`: math.Copysign(0, -1), `0.1`: 0.1, `5e-324`: math.SmallestNonzeroFloat64,
		`9007199254740993`: 9007199254740992, `1.7976931348623157e+308`: math.MaxFloat64,
	} {
		var back Float
		require.NoError(t, json.Unmarshal([]byte(text), &back), text)
		require.True(t, same(f, float64(back)), "%s is %v", text, back)
	}
	text, err := json.Marshal(map[string]Float{"a": Float(math.NaN()), "b": Float(math.Inf(1)), "c": Float(math.Inf(-1)), "d": Float(math.Copysign(0, -1))})
	require.NoError(t, err)
	want := `{"a":"NaN","b":"Infinity","c":"-Infinity","d":-0}` // to the byte: the sign of a zero is in it
	require.Equal(t, want, string(text))
}

func same(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

func TestEveryFloatComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(rt, "bits"))
		text, err := json.Marshal(Float(f))
		require.NoError(rt, err)
		var back Float
		require.NoError(rt, json.Unmarshal(text, &back))
		require.True(rt, same(f, float64(back)), "%x is written as %s", math.Float64bits(f), text)
	})
}

// What is no number is neither zero nor the largest one.
func TestNoNumbers(t *testing.T) {
	for _, text := range []string{`null`, `""`, `"nan"`, `"1"`, `"Inf"`, `true`, `[]`, `{}`, `1e999`, `-1e999`, `"` + strings.Repeat("x", 1000) + `"`} {
		f := Float(7)
		err := json.Unmarshal([]byte(text), &f)
		require.Error(t, err, text)
		require.Less(t, len(err.Error()), 200)
		require.Equal(t, Float(7), f)
		require.Error(t, json.Unmarshal([]byte(`{"loss":`+text+`}`), &map[string]Float{}), text)
	}
}

func FuzzFloat(f *testing.F) {
	for _, text := range []string{`1`, `"NaN"`, `-0`, `null`, `"Infinity`, `[`, ``, `1e400`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var x, again Float
		if x.UnmarshalJSON(data) != nil {
			return
		}
		text, err := x.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalJSON(text))
		require.True(t, same(float64(x), float64(again)))
	})
}
