package provenance

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func config(t testing.TB, v any) Config {
	t.Helper()
	c, err := NewConfig(v)
	require.NoError(t, err)
	return c
}

func parsed(t testing.TB, text string) Config {
	t.Helper()
	var c Config
	require.NoError(t, json.Unmarshal([]byte(text), &c))
	return c
}

type hyper struct {
	LR    float64                      `json:"lr"`
	Clip  float32                      `json:"clip"`
	Seed  int64                        `json:"seed"`
	Sizes []int                        `json:"sizes"`
	Data  struct{ Path, Split string } `json:"data"`
}

func TestConfigComesBack(t *testing.T) {
	h := hyper{LR: 1e-3, Clip: float32(math.Inf(1)), Seed: math.MaxInt64 - 1, Sizes: []int{784, 10}}
	h.Data.Path = "<mnist>"
	c := config(t, h)
	text, err := json.Marshal(struct{ Config Config }{c})
	require.NoError(t, err)
	require.JSONEq(t, `{"Config":{"lr":0.001,"clip":"Infinity","seed":9223372036854775806,"sizes":[784,10],"data":{"Path":"<mnist>","Split":""}}}`, string(text))
	var back struct{ Config Config }
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, c, back.Config)
	require.Nil(t, DiffConfig(c, back.Config))
	require.NotContains(t, string(text), "e+18", "digits of an integer are its own")
}

func TestNoConfig(t *testing.T) {
	var none Config
	require.True(t, none.IsZero())
	require.Equal(t, none, config(t, nil))
	require.Equal(t, none, parsed(t, "null"))
	text, err := json.Marshal(none)
	require.NoError(t, err)
	require.Equal(t, "null", string(text))
	require.Nil(t, DiffConfig(none, none))
	require.Equal(t, []Change{{"a", "", "1", true}}, DiffConfig(none, parsed(t, `{"a":1}`)))
	require.False(t, parsed(t, "{}").IsZero())
	_, err = NewConfig(map[string]any{"f": func() {}})
	require.ErrorContains(t, err, "configuration map[string]interface {}: ")
}

func TestDiffConfig(t *testing.T) {
	was := parsed(t, `{"lr":1e-3,"seed":9007199254740993,"opt":{"name":"adam","betas":[0.9,0.999]},"old":true,"same":1.50,"empty":{},"a.b":1,"null":null}`)
	is := parsed(t, `{"lr":3e-4,"seed":9007199254740992,"opt":{"name":"sgd","betas":[0.9]},"new":"x","same":15e-1,"empty":[],"a":{"b":1}}`)
	require.Equal(t, []Change{
		{`"a.b"`, "1", "", true},
		{"a.b", "", "1", true},
		{"empty", "{}", "[]", true},
		{"lr", "1e-3", "3e-4", true},
		{"new", "", `"x"`, true},
		{"null", "null", "", true},
		{"old", "true", "", true},
		{"opt.betas.1", "0.999", "", true},
		{"opt.name", `"adam"`, `"sgd"`, true},
		{"seed", "9007199254740993", "9007199254740992", true},
	}, DiffConfig(was, is))
	require.Equal(t, "lr 1e-3 -> 3e-4", DiffConfig(was, is)[3].String())
	require.Equal(t, []Change{{"", "1", "", true}, {`""`, "", "1", true}}, DiffConfig(parsed(t, "1"), parsed(t, `{"":1}`)))
	require.Nil(t, DiffConfig(parsed(t, `{"x":"NaN"}`), config(t, map[string]float64{"x": math.NaN()})))
	require.NotNil(t, DiffConfig(parsed(t, `{"x":"1"}`), parsed(t, `{"x":1}`)), "text is no number")
}

// The digits decide, as they do for exact fractions.
func TestNumbersAreComparedExactly(t *testing.T) {
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,4})?([eE][-+]?[0-9]{1,2})?`)
	rapid.Check(t, func(rt *rapid.T) {
		a, b := number.Draw(rt, "a"), number.Draw(rt, "b")
		if rapid.Bool().Draw(rt, "another spelling of a") {
			zeros := rapid.IntRange(0, 3).Draw(rt, "zeros")
			mantissa, power, _ := strings.Cut(strings.ToLower(a), "e")
			if !strings.Contains(mantissa, ".") {
				mantissa += strings.Repeat("0", zeros)
				x := 0
				if power != "" {
					_, err := fmt.Sscan(power, &x)
					require.NoError(rt, err)
				}
				b = fmt.Sprintf("%se%d", mantissa, x-zeros)
			}
		}
		x, ok := new(big.Rat).SetString(a)
		require.True(rt, ok)
		y, ok := new(big.Rat).SetString(b)
		require.True(rt, ok)
		require.Equal(rt, x.Cmp(y) == 0, equalNumbers(json.Number(a), json.Number(b)), "%s and %s", a, b)
	})
	require.True(t, equalNumbers("1e1000000000", "10e999999999"))
	require.False(t, equalNumbers("1e1000000000", "1e1000000001"))
	require.False(t, equalNumbers("1e99999999999999999999", "1e99999999999999999998"), "beyond reckoning, they are equal as text only")
	require.True(t, equalNumbers("1e99999999999999999999", "1e99999999999999999999"))
	require.True(t, equalNumbers("-0", "0e5"))
}

// A small file is no gigabyte of paths.
func TestConfigHasLimits(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat(`[`, 102) + strings.Repeat(`]`, 102): "nested more than 100 deep",
		`{"` + strings.Repeat("k", 1001) + `":1}`:           "more than 1000 bytes",
		`[` + strings.Repeat(`1,`, 10_000) + `1]`:           "more than 10000 settings",
		`{"a":1`: "unexpected end",
	} {
		var c Config
		require.ErrorContains(t, c.UnmarshalJSON([]byte(text)), want)
	}
	_, err := NewConfig(make([]int, 20_000))
	require.ErrorContains(t, err, "more than 10000 settings")
	parsed(t, strings.Repeat(`[`, 100)+strings.Repeat(`]`, 100))
	config(t, make([]int, 9_999))
}

func TestIdentity(t *testing.T) {
	was := parsed(t, `{"data":{"name":"mnist","seed":1},"lr":1e-3,"dataset":1,"opt.kind":"adam","sizes":[1,2]}`)
	is := parsed(t, `{"data":{"name":"cifar","seed":2},"lr":3e-4,"dataset":2,"opt.kind":"sgd","sizes":[1,3]}`)
	require.NoError(t, CheckIdentity(was, is, nil))
	require.NoError(t, CheckIdentity(was, was, []string{"data", "lr", "opt.kind"}))
	require.NoError(t, CheckIdentity(was, is, []string{"sizes.0"}))

	err := CheckIdentity(was, is, []string{"sizes.0", "data", "data.seed", "opt.kind", "sizes"})
	require.ErrorIs(t, err, ErrDifferentRun)
	var e *DifferentRunError
	require.ErrorAs(t, err, &e)
	require.Equal(t, []Change{
		{`"opt.kind"`, `"adam"`, `"sgd"`, true},
		{"data.name", `"mnist"`, `"cifar"`, true},
		{"data.seed", "1", "2", true},
		{"sizes.1", "2", "3", true},
	}, e.Changes)
	require.EqualError(t, err, `the configuration is that of another run: "opt.kind" "adam" -> "sgd"; data.name "mnist" -> "cifar"; data.seed 1 -> 2; sizes.1 2 -> 3`)
}

func TestIdentityOfWhatOnlyOneSideHas(t *testing.T) {
	some, none := parsed(t, `{"seed":1}`), Config{}
	require.ErrorIs(t, CheckIdentity(some, none, []string{"seed"}), ErrDifferentRun)
	require.ErrorIs(t, CheckIdentity(none, some, []string{"seed"}), ErrDifferentRun)
	for _, key := range []string{"sed", "see", "seed.x", ""} {
		err := CheckIdentity(some, some, []string{"seed", key})
		require.ErrorContains(t, err, fmt.Sprintf("no setting of the configuration is %q", key))
		require.NotErrorIs(t, err, ErrDifferentRun)
	}
}

func TestManyDifferencesAreAShortMessage(t *testing.T) {
	was, is := map[string]int{}, map[string]int{}
	for i := range 1000 {
		was[fmt.Sprint(i)], is[fmt.Sprint(i)] = i, -1
	}
	keys := make([]string, 0, len(was))
	for key := range was {
		keys = append(keys, key)
	}
	err := CheckIdentity(config(t, was), config(t, is), keys)
	var e *DifferentRunError
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Changes, 1000)
	require.ErrorContains(t, err, "; and 990 more")
	require.Less(t, len(err.Error()), 500)
}
