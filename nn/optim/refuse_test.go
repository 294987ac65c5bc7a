package optim_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/optim"
)

type nameless struct{ *fake }

func (nameless) Name() {}

// Parameters that a solver cannot work on are refused when it is made.
func TestBadParameters(t *testing.T) {
	matrix := tensor.New(tensor.WithShape(3, 4), tensor.Of(tensor.Float64))
	column, err := matrix.Slice(nil, tensor.S(1, 3))
	require.NoError(t, err)
	rows, err := matrix.Slice(tensor.S(1, 3))
	require.NoError(t, err)
	turned := matrix.Clone().(*tensor.Dense)
	require.NoError(t, turned.T())
	w := vector("w", 3, 1, 1)
	for want, params := range map[string][]gorgonia.ValueGrad{
		"no parameters":                        nil,
		"parameter 1 is a optim_test.nameless": {w, nameless{w}},
		"parameter 1 is a <nil>":               {w, nil},
		"parameter 0 is a *optim_test.fake":    {(*fake)(nil)},
		"parameter 0 has no name":              asParams(vector("", 1, 1, 1)),
		`two parameters of the name "w"`:       asParams(w, vector("w", 2, 0, 0)),
		`parameters "w" and "tied" share memory`: asParams(w,
			&fake{name: "tied", value: w.value}),
		`parameters "m" and "rows" share memory`: asParams(w,
			&fake{name: "rows", value: rows}, &fake{name: "m", value: matrix}),
		`"x": it has no value`:                                      asParams(&fake{name: "x"}),
		`"x": a tensor of shape (3, 2) with strides [4 1]`:          asParams(&fake{name: "x", value: column}),
		`"x": a tensor of shape (4, 3) with strides [1 4]`:          asParams(&fake{name: "x", value: turned}),
		`"x": elements of int: want float32`:                        asParams(&fake{name: "x", value: tensor.New(tensor.WithShape(2), tensor.Of(tensor.Int))}),
		`"x": a *gorgonia.I: want a *tensor.Dense, or a scalar, of`: asParams(&fake{name: "x", value: gorgonia.NewI(1)}),
	} {
		s, err := optim.NewSGD(params, nil)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "optim: sgd: ")
		require.Nil(t, s)
		_, err = optim.NewEMA(params, 0.9)
		require.ErrorContains(t, err, want)
	}
	_, err = optim.NewSGD(asParams(w, &fake{name: "rows", value: rows}), nil)
	require.NoError(t, err, "rows of a tensor lie densely")
}

// Options that make no sense are refused, and the error says in which group.
func TestBadOptions(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, make := range map[string]newSolver{
		"sgd: LearningRate -1":                 of(optim.NewSGD, &optim.SGDOptions{LearningRate: -1}),
		"sgd: LearningRate NaN":                of(optim.NewSGD, &optim.SGDOptions{LearningRate: nan}),
		"sgd: Momentum -0.1":                   of(optim.NewSGD, &optim.SGDOptions{Momentum: -0.1}),
		"sgd: WeightDecay -1":                  of(optim.NewSGD, &optim.SGDOptions{WeightDecay: -1}),
		"sgd: Dampening +Inf":                  of(optim.NewSGD, &optim.SGDOptions{Dampening: inf}),
		"sgd: Nesterov needs":                  of(optim.NewSGD, &optim.SGDOptions{Nesterov: true}),
		"Nesterov needs a Momentum, and no":    of(optim.NewSGD, &optim.SGDOptions{Nesterov: true, Momentum: 1, Dampening: 0.1}),
		"sgd: ClipNorm -1":                     of(optim.NewSGD, &optim.SGDOptions{ClipNorm: -1}),
		"sgd: ClipValue NaN":                   of(optim.NewSGD, &optim.SGDOptions{ClipValue: nan}),
		"adam: LearningRate +Inf":              of(optim.NewAdam, &optim.AdamOptions{LearningRate: inf}),
		"adam: Betas[0] 1":                     of(optim.NewAdam, &optim.AdamOptions{Betas: [2]float64{1, 0.9}}),
		"adamw: Betas[1] -0.1":                 of(optim.NewAdamW, &optim.AdamWOptions{Betas: [2]float64{0.9, -0.1}}),
		"adamw: Epsilon -1":                    of(optim.NewAdamW, &optim.AdamWOptions{Epsilon: -1}),
		"adamw: WeightDecay -1":                of(optim.NewAdamW, &optim.AdamWOptions{WeightDecay: -1}),
		"rmsprop: Alpha 1.5":                   of(optim.NewRMSProp, &optim.RMSPropOptions{Alpha: 1.5}),
		"rmsprop: Momentum -1":                 of(optim.NewRMSProp, &optim.RMSPropOptions{Momentum: -1}),
		"adagrad: RateDecay -1":                of(optim.NewAdagrad, &optim.AdagradOptions{RateDecay: -1}),
		"adagrad: Initial -1":                  of(optim.NewAdagrad, &optim.AdagradOptions{Initial: -1}),
		"lion: Betas[1] 1":                     of(optim.NewLion, &optim.LionOptions{Betas: [2]float64{0.9, 1}}),
		"sgd: StepDecay.Every 0":               scheduled(optim.StepDecay{Gamma: 0.1}),
		"StepDecay.Gamma NaN":                  scheduled(optim.StepDecay{Every: 1, Gamma: nan}),
		"MultiStep.Milestones []":              scheduled(optim.MultiStep{}),
		"MultiStep.Milestones [3 -1]":          scheduled(optim.MultiStep{Milestones: []int64{3, -1}}),
		"Exponential -1":                       scheduled(optim.Exponential(-1)),
		"Cosine.Steps 0":                       scheduled(optim.Cosine{}),
		"Cosine.Min -1":                        scheduled(optim.Cosine{Steps: 1, Min: -1}),
		"Linear.Steps -1":                      scheduled(optim.Linear{Steps: -1}),
		"Linear.End +Inf":                      scheduled(optim.Linear{Steps: 1, End: inf}),
		"WarmUp.Steps 0":                       scheduled(optim.WarmUp{}),
		"OneCycle.Steps 0":                     scheduled(optim.OneCycle{}),
		"OneCycle.Rise 0.3 of 2 steps":         scheduled(optim.OneCycle{Steps: 2}),
		"OneCycle.Rise 0.6 of 100 steps":       scheduled(optim.OneCycle{Steps: 100, Rise: 0.6, ThreePhase: true}),
		"a schedule that is a nil *optim.Plat": scheduled((*optim.Plateau)(nil)),
		"sgd: Linear.Steps 0":                  scheduled(optim.WarmUp{Steps: 1, Then: optim.Linear{}}),
		"sgd: group 2: Momentum -1": of(optim.NewSGD, &optim.SGDOptions{Groups: []optim.Group[optim.SGDOptions]{
			{Names: []string{"a"}},
			{Names: []string{"b"}, Set: func(o *optim.SGDOptions) { o.Momentum = -1 }},
		}}),
		"group 1: clipping is of all gradients": of(optim.NewSGD, &optim.SGDOptions{Groups: []optim.Group[optim.SGDOptions]{
			{Names: []string{"a"}, Set: func(o *optim.SGDOptions) { o.ClipNorm = 1 }},
		}}),
		"group 1: neither Names nor Match": grouped(optim.Group[optim.SGDOptions]{}),
		`group 1: no parameter has the name "c"`: grouped(optim.Group[optim.SGDOptions]{
			Names: []string{"a", "c"},
		}),
		"group 1: Match chooses none of the 2 parameters": grouped(optim.Group[optim.SGDOptions]{
			Names: []string{"a"}, Match: func(string) bool { return false },
		}),
		`parameter "b" is in group 1 and in group 2`: grouped(
			optim.Group[optim.SGDOptions]{Names: []string{"b"}},
			optim.Group[optim.SGDOptions]{Match: func(string) bool { return true }},
		),
	} {
		s, err := make(asParams(vector("a", 2, 1, 1), vector("b", 2, 1, 1)))
		require.ErrorContains(t, err, want)
		require.Nil(t, s)
	}
}

func scheduled(s optim.Schedule) newSolver {
	return of(optim.NewSGD, &optim.SGDOptions{Schedule: s})
}

func grouped(groups ...optim.Group[optim.SGDOptions]) newSolver {
	return of(optim.NewSGD, &optim.SGDOptions{Groups: groups})
}

// Others that are not solvers' options are refused too.
func TestBadOthers(t *testing.T) {
	for _, o := range []optim.PlateauOptions{
		{Factor: 1}, {Factor: -1}, {Threshold: -1}, {Min: -1}, {Patience: -1}, {Cooldown: -1}, {Threshold: math.NaN()},
	} {
		_, err := optim.NewPlateau(&o)
		require.ErrorContains(t, err, "optim: plateau: ", "%+v", o)
	}
	w := vector("w", 1, 1, 1)
	for _, decay := range []float64{-0.1, 1.1, math.NaN()} {
		_, err := optim.NewEMA(asParams(w), decay)
		require.ErrorContains(t, err, "decay")
	}
	_, err := optim.NewEMA(asParams(vector("n_averaged", 1, 1, 1)), 0.9)
	require.ErrorContains(t, err, "n_averaged")
	_, err = optim.NewAccumulator(nil, 2)
	require.Error(t, err)
	s, err := optim.NewSGD(asParams(w), nil)
	require.NoError(t, err)
	_, err = optim.NewAccumulator(s, 0)
	require.ErrorContains(t, err, "every 0")
}

// A Step over anything but the solver's parameters, with their gradients, is an error that names
// what is wrong, and changes nothing: not the parameters before it either.
func TestBadSteps(t *testing.T) {
	other := func(change func(f *fake)) func(w *fake) []gorgonia.ValueGrad {
		return func(w *fake) []gorgonia.ValueGrad {
			f := *w
			change(&f)
			return asParams(&f)
		}
	}
	shaped := func(shape ...int) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float64))
	}
	for want, second := range map[string]func(w *fake) []gorgonia.ValueGrad{
		`of the 2 parameters 1 are missing: "b"`:   func(*fake) []gorgonia.ValueGrad { return nil },
		`parameter "c" is unknown`:                 other(func(f *fake) { f.name = "c" }),
		"parameter 1 has no name":                  other(func(f *fake) { f.name = "" }),
		`parameter "a" is there twice`:             other(func(f *fake) { f.name = "a" }),
		"parameter 1 is a <nil>":                   func(*fake) []gorgonia.ValueGrad { return []gorgonia.ValueGrad{nil} },
		`"b": it has no value`:                     other(func(f *fake) { f.value = nil }),
		`"b": its value is in another memory`:      other(func(f *fake) { f.value = shaped(2, 3) }),
		`"b": shape (3, 2): it was (2, 3)`:         other(func(f *fake) { f.value = shaped(3, 2) }),
		`"b": elements of float32: want float64`:   other(func(f *fake) { f.value = tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float32)) }),
		`"b": gradient: no gradient today`:         other(func(f *fake) { f.err = errTest }),
		`"b": gradient: none yet`:                  other(func(f *fake) { f.grad = nil }),
		`"b": gradient: shape (3, 2): want (2, 3)`: other(func(f *fake) { f.grad = shaped(3, 2) }),
		`"b": gradient: shape (2, 3, 2): want`:     other(func(f *fake) { f.grad = shaped(2, 3, 2) }),
		`"b": gradient: a *gorgonia.F32`:           other(func(f *fake) { f.grad = gorgonia.NewF32(1) }),
		`"b": gradient: shape (): want (2, 3)`:     other(func(f *fake) { f.grad = gorgonia.NewF64(1) }),
	} {
		a, b := vector("a", 3, 1, 1), &fake{name: "b", value: shaped(2, 3), grad: shaped(2, 1, 3)}
		s, err := optim.NewAdam(asParams(a, b), nil)
		require.NoError(t, err)
		accumulator, err := optim.NewAccumulator(s, 1)
		require.NoError(t, err)
		before := all([]*fake{a, b}, accumulator)
		params := append(asParams(a), second(b)...)
		require.ErrorContains(t, s.Step(params), want)
		require.ErrorContains(t, accumulator.Step(params), want)
		require.Equal(t, before, all([]*fake{a, b}, accumulator))
		require.Zero(t, s.Steps())
		require.NoError(t, s.Step(asParams(b, a)), "and the next one works")
		require.NotEqual(t, before, all([]*fake{a, b}, accumulator))
	}
}

// A schedule that gives no rate is an error before anything is changed.
func TestBadRate(t *testing.T) {
	for _, factor := range []float64{-1, math.NaN(), math.Inf(1)} {
		w := vector("w", 3, 1, 1)
		s, err := scheduled(optim.ScheduleFunc(func(step int64) float64 {
			if step == 1 {
				return factor
			}
			return 1
		}))(asParams(w))
		require.NoError(t, err)
		require.NoError(t, s.Step(asParams(w)))
		before := all([]*fake{w}, s)
		require.ErrorContains(t, s.Step(asParams(w)), "step 2: the learning rate of group 0")
		require.Equal(t, before, all([]*fake{w}, s))
		require.Equal(t, int64(1), s.Steps())
	}
}

// Only a state of the same kind, of this version and without anything else in it is restored.
func TestStateIsStrict(t *testing.T) {
	w := vector("w", 3, 1, 1)
	s, err := optim.NewSGD(asParams(w), nil)
	require.NoError(t, err)
	require.NoError(t, s.Step(asParams(w)))
	a, err := optim.NewAccumulator(s, 3)
	require.NoError(t, err)
	require.NoError(t, a.Step(asParams(w)))
	p, err := optim.NewPlateau(nil)
	require.NoError(t, err)
	p.Observe(0.25)
	type state interface {
		MarshalJSON() ([]byte, error)
		UnmarshalJSON([]byte) error
	}
	for _, c := range []struct {
		s     state
		saved string
		bad   map[string]string
	}{
		{s, `{"kind":"sgd","version":1,"step":1,"settings":{"learning_rate":0.001}}`, map[string]string{
			`{"kind":"adam","version":1,"step":1}`:                       `the state is that of "adam", want "sgd"`,
			`{"kind":"accumulator","version":1,"count":1,"solver":{}}`:   `the state is that of "accumulator", want "sgd"`,
			`{"version":1,"step":1}`:                                     `the state is that of "", want "sgd"`,
			`{"kind":"sgd","version":2,"steps":1}`:                       "version 2, want 1",
			`{"kind":"sgd","version":1,"step":-1}`:                       "want a step of 0 or more",
			`{"kind":"sgd","version":1}`:                                 "want a step of 0 or more",
			`{"kind":"sgd","version":1,"step":1,"rate":3}`:               `unknown field "rate"`,
			`{"kind":"sgd","version":1,"step":1.5}`:                      "1.5",
			`{"kind":"sgd","version":1,"step":1,"momentum_buffer":true}`: "momentum buffers",
			`[`: "unexpected end",
		}},
		{a, `{"kind":"accumulator","version":1,"count":1,"solver":{"kind":"sgd","version":1,"step":1,"settings":{"learning_rate":0.001}},"settings":{"accumulate":3,"learning_rate":0.001}}`, map[string]string{
			`{"kind":"sgd","version":1,"step":1}`:                                                        `want "accumulator"`,
			`{"kind":"accumulator","version":1,"count":3,"solver":{"kind":"sgd","version":1,"step":1}}`:  "gradients of 3 Steps, want 0 to 2",
			`{"kind":"accumulator","version":1,"count":-1,"solver":{"kind":"sgd","version":1,"step":1}}`: "gradients of -1 Steps",
			`{"kind":"accumulator","version":1,"count":2,"solver":{"kind":"lion","version":1,"step":1}}`: `that of "lion", want "sgd"`,
			`{"kind":"accumulator","version":1,"count":2}`:                                               "end of JSON",
			`{"kind":"accumulator","version":1,"cnt":2,"solver":{"kind":"sgd","version":1,"step":1}}`:    `unknown field "cnt"`,
		}},
		{p, `{"kind":"plateau","version":1,"factor":1,"best":0.25,"bad":0,"cooldown":0}`, map[string]string{
			`{"kind":"plateau","version":1,"factor":2,"best":null,"bad":0,"cooldown":0}`:  "factor 2",
			`{"kind":"plateau","version":1,"factor":-1,"best":null,"bad":0,"cooldown":0}`: "factor -1",
			`{"kind":"plateau","version":1,"factor":1,"best":null,"bad":-1,"cooldown":0}`: "bad -1",
			`{"kind":"plateau","version":1,"factor":1,"best":null,"bad":0,"cooldown":-1}`: "cooldown -1",
			`{"kind":"sgd","version":1,"step":1}`:                                         `want "plateau"`,
		}},
	} {
		for raw, want := range c.bad {
			require.ErrorContains(t, c.s.UnmarshalJSON([]byte(raw)), want)
			now, err := c.s.MarshalJSON()
			require.NoError(t, err)
			require.JSONEq(t, c.saved, string(now), "after %s", raw)
		}
		require.NoError(t, c.s.UnmarshalJSON([]byte(c.saved)))
	}
}
