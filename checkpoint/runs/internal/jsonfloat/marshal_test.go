package jsonfloat

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type base struct {
	Clip float32 `json:"clip"`
}

type config struct {
	base
	Rate     float64            `json:"rate,omitempty"`
	Text     float64            `json:"text,string"`
	Hidden   float64            `json:"-"`
	Steps    int64              `json:"steps"`
	Bounds   [2]float64         `json:"bounds"`
	Betas    []float64          `json:"betas"`
	Weights  map[string]float32 `json:"weights"`
	Any      any                `json:"any"`
	Next     *config            `json:"next,omitempty"`
	Deadline time.Duration      `json:"deadline"`
	Name     string             `json:"name"`
	private  float64
}

func TestSpecialsOfAnyType(t *testing.T) {
	inf := math.Inf(1)
	c := config{
		base: base{Clip: float32(inf)}, Rate: math.NaN(), Text: -inf, Hidden: inf, Steps: math.MaxInt64,
		Bounds: [2]float64{-inf, 11}, Betas: []float64{inf, 12}, Weights: map[string]float32{"b": float32(math.NaN()), "a": 21},
		Any: []any{inf, map[string]any{"x": &inf}, "11"}, Next: &config{Rate: math.NaN()}, Name: "<&>", private: inf,
	}
	text, err := Marshal(c)
	require.NoError(t, err)
	require.JSONEq(t, `{"clip":"Infinity","rate":"NaN","text":"-Infinity","steps":9223372036854775807,
		"bounds":["-Infinity",11],"betas":["Infinity",12],"weights":{"a":21,"b":"NaN"},
		"any":["Infinity",{"x":"Infinity"},"11"],"deadline":0,"name":"<&>",
		"next":{"clip":0,"rate":"NaN","text":"0","steps":0,"bounds":[0,0],"betas":null,"weights":null,"any":null,"deadline":0,"name":""}}`, string(text))
	require.Contains(t, string(text), `"name":"<&>"`)
	require.Contains(t, string(text), `"steps":9223372036854775807`, "more digits than a float64 has")

	// The caller's values are as they were.
	require.True(t, math.IsNaN(c.Rate) && math.IsNaN(c.Next.Rate) && math.IsInf(inf, 1) && math.IsInf(c.Betas[0], 1))
	require.True(t, math.IsNaN(float64(c.Weights["b"])))
	require.Equal(t, inf, c.Any.([]any)[0])
}

// Where every number is finite the text is json's own, in the order of keys.
func TestFiniteIsAsJSONHasIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := map[string]any{
			"ints":   rapid.SliceOf(rapid.Int64()).Draw(rt, "ints"),
			"floats": rapid.MapOf(rapid.String(), rapid.Float64()).Draw(rt, "floats"),
			"text":   rapid.String().Draw(rt, "text"),
		}
		want, err := json.Marshal(c)
		require.NoError(rt, err)
		got, err := Marshal(c)
		require.NoError(rt, err)
		require.JSONEq(rt, string(want), string(got))
		again, err := Marshal(json.RawMessage(got))
		require.NoError(rt, err)
		require.Equal(rt, string(got), string(again), "canonical")
	})
}

type loop struct {
	Rate float64
	Self *loop
}

type clock struct{ ticks float64 }

func (c *clock) MarshalJSON() ([]byte, error) { return json.Marshal(c.ticks) }

type unstable struct{ n *int }

func (u unstable) MarshalJSON() ([]byte, error) {
	*u.n++
	return json.Marshal(*u.n)
}

func TestWhatCannotBeWritten(t *testing.T) {
	l := &loop{Rate: math.NaN()}
	l.Self = l
	_, err := Marshal(l)
	require.ErrorContains(t, err, "nested more than 1000 deep")
	_, err = Marshal(struct{ F func() }{})
	require.ErrorContains(t, err, "func()")
	_, err = Marshal(map[string]any{"a": math.NaN(), "b": make(chan int)})
	require.ErrorContains(t, err, "chan int")
	_, err = Marshal([]any{&clock{math.NaN()}})
	require.ErrorContains(t, err, "NaN", "a type that writes itself is left alone")
	_, err = Marshal([]any{math.NaN(), unstable{new(int)}})
	require.ErrorIs(t, err, errUnstable)
}

func TestDecodeTakesOneValue(t *testing.T) {
	v, err := Decode([]byte(` {"a": 9007199254740993} `))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": json.Number("9007199254740993")}, v)
	for _, text := range []string{``, `1 2`, `{"a":1}{`, `nan`} {
		_, err := Decode([]byte(text))
		require.Error(t, err, text)
	}
}
