package optim_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/optim"
)

// large are parameters of several blocks and of less than one, with gradients that differ.
func large[T float32 | float64]() []*fake {
	var all []*fake
	for i, n := range []int{50_000, 1, 16_384, 16_385, 300, 0} {
		p := &fake{name: string(rune('a' + i))}
		data, grad := make([]T, n), make([]T, n)
		for j := range data {
			data[j], grad[j] = T(math.Sin(float64(i+3*j))), T(math.Cos(float64(5*i+j*j)))
		}
		p.value = tensor.New(tensor.WithShape(n), tensor.WithBacking(data))
		p.grad = tensor.New(tensor.WithShape(n), tensor.WithBacking(grad))
		all = append(all, p)
	}
	return all
}

// The bits do not depend on the number of cores.
func TestBitsDoNotDependOnCores(t *testing.T) {
	make := of(optim.NewAdamW, &optim.AdamWOptions{WeightDecay: 0.1, ClipNorm: 3, ClipValue: 0.9})
	for _, params := range []func() []*fake{large[float32], large[float64]} {
		var want map[string][]float64
		var norm float64
		for _, cores := range []int{1, 2, 8} {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			ps := params()
			s, err := make(asParams(ps...))
			require.NoError(t, err)
			a, err := optim.NewAccumulator(s, 2)
			require.NoError(t, err)
			ema, err := optim.NewEMA(asParams(ps...), 0.9)
			require.NoError(t, err)
			for range 6 {
				require.NoError(t, a.Step(asParams(ps...)))
				require.NoError(t, ema.Update())
			}
			got := all(ps, a)
			for name, v := range ema.StateDict() {
				got["ema "+name] = floats(v.Value())
			}
			if want == nil {
				want, norm = got, s.GradNorm()
			}
			require.Equal(t, want, got, "GOMAXPROCS=%d", cores)
			require.Equal(t, norm, s.GradNorm())
		}
	}
}

// A warm Step takes less memory than a hundredth of the parameters.
func TestStepsAllocateLittle(t *testing.T) {
	p := &fake{name: "w", value: filled(1<<17, 1), grad: filled(1<<17, 1)}
	params := asParams(p)
	for name, make := range cases {
		if name == "groups" {
			continue // of parameters with other names
		}
		s, err := make(params)
		require.NoError(t, err)
		require.NoError(t, s.Step(params))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, s.Step(params))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(10_000), name)
	}
}

// GradNorm is the norm of the gradients as they were, after ClipValue; an infinite ClipNorm
// measures and clips nothing.
func TestGradNorm(t *testing.T) {
	for _, c := range []struct {
		value, norm float64
		want, moved float64
	}{
		{0, 0, 0, 3},
		{0, math.Inf(1), 13, 3},
		{0, 26, 13, 3},
		{0, 6.5, 13, 3 * 6.5 / (13 + 1e-6)},
		{4, 0, 0, 3},
		{4, math.Inf(1), math.Sqrt(9 + 16 + 16), 3},
	} {
		w := &fake{name: "w", value: filled(3, 0), grad: tensor.New(tensor.WithBacking([]float64{3, 4, -12}))}
		s, err := optim.NewSGD(asParams(w), &optim.SGDOptions{LearningRate: 1, ClipValue: c.value, ClipNorm: c.norm})
		require.NoError(t, err)
		require.Zero(t, s.GradNorm())
		require.NoError(t, s.Step(asParams(w)))
		require.InDelta(t, c.want, s.GradNorm(), 1e-14)
		require.InDelta(t, -c.moved, floats(w.value)[0], 1e-14)
		require.Equal(t, []float64{3, 4, -12}, floats(w.grad), "gradients are only read")
	}
}

// A norm that is not finite is an error that names the parameters it is because of, and nothing is
// changed; so a training can leave out a batch.
func TestNormIsNotFinite(t *testing.T) {
	for _, c := range []struct {
		clip float64
		bad  float64
		want string
	}{
		{0, math.NaN(), `the norm of the gradients is NaN, because of "b", "c"`},
		{0, math.Inf(-1), `the norm of the gradients is +Inf, because of "b", "c"`},
		{0, 1e200, `because of "b", "c"`},
		{5, math.NaN(), `the norm of the gradients is NaN, because of "b", "c"`},
	} {
		ps := []*fake{vector("a", 20_000, 1, 1), vector("b", 40_000, 1, 1), vector("c", 1, 1, 1)}
		s, err := optim.NewAdam(asParams(ps...), &optim.AdamOptions{ClipNorm: 1, ClipValue: c.clip})
		require.NoError(t, err)
		a, err := optim.NewAccumulator(s, 1)
		require.NoError(t, err)
		require.NoError(t, s.Step(asParams(ps...)))
		norm := s.GradNorm()
		before := all(ps, a)
		for _, i := range []int{0, 39_999} {
			ps[1].grad.Data().([]float64)[i] = c.bad
		}
		ps[2].grad = filled(1, c.bad)
		require.ErrorContains(t, s.Step(asParams(ps...)), c.want)
		require.ErrorContains(t, a.Step(asParams(ps...)), c.want)
		require.Equal(t, before, all(ps, a))
		require.Equal(t, int64(1), s.Steps())
		require.Equal(t, norm, s.GradNorm())
		require.Zero(t, a.Pending(), "the sums begin anew")
	}
}

// Gradients may be finite, each and every one's norm too, and all of them together not.
func TestNormOverflows(t *testing.T) {
	ps := []*fake{vector("a", 1, 1, 1.3e154), vector("b", 1, 1, 1.3e154)}
	s, err := optim.NewSGD(asParams(ps...), &optim.SGDOptions{ClipNorm: 1})
	require.NoError(t, err)
	require.ErrorContains(t, s.Step(asParams(ps...)), "is +Inf, because of all of them together")
	ps[1].grad = filled(1, 0)
	require.NoError(t, s.Step(asParams(ps...)))
}

// Rates are those of the next step, of each group with its own schedule.
func TestRates(t *testing.T) {
	a, b := vector("a", 1, 1, 1), vector("b", 1, 1, 1)
	s, err := optim.NewSGD(asParams(a, b), &optim.SGDOptions{
		LearningRate: 2,
		Schedule:     optim.WarmUp{Steps: 1, Then: optim.WarmUp{Steps: 1, Start: 0.5}},
		Groups: []optim.Group[optim.SGDOptions]{{
			Names: []string{"b"}, Match: func(name string) bool { return name == "b" },
			Set: func(o *optim.SGDOptions) { o.LearningRate, o.Schedule = 0, nil },
		}},
	})
	require.NoError(t, err)
	var seen [][]float64
	for range 4 {
		seen = append(seen, s.Rates())
		before := floats(a.value)[0]
		require.NoError(t, s.Step(asParams(a, b)))
		require.InDelta(t, seen[len(seen)-1][0], before-floats(a.value)[0], 1e-15, "the step has that rate")
	}
	require.Equal(t, [][]float64{{0, 0}, {1, 0}, {2, 0}, {2, 0}}, seen)
	require.Equal(t, []float64{1}, floats(b.value), "a rate of 0 is none")
}

// A momentum buffer is the first gradient it sees, whatever the steps before: those without
// Momentum leave none behind, and a program that begins to use it has PyTorch's first step.
func TestMomentumBeginsLate(t *testing.T) {
	w := vector("w", 2, 1, 3)
	plain, err := optim.NewSGD(asParams(w), nil)
	require.NoError(t, err)
	require.NoError(t, plain.Step(asParams(w)))
	raw, err := plain.MarshalJSON()
	require.NoError(t, err)

	s, err := optim.NewSGD(asParams(w), &optim.SGDOptions{Momentum: 0.9, Dampening: 0.5})
	require.NoError(t, err)
	require.NoError(t, s.UnmarshalJSON(raw))
	for _, v := range s.StateDict() {
		v.Value().Data().([]float64)[0] = math.NaN()
	}
	require.NoError(t, s.Step(asParams(w)))
	require.Equal(t, []float64{3, 3}, all(nil, s)["momentum_buffer.w"])
	require.NoError(t, s.Step(asParams(w)))
	require.Equal(t, []float64{0.9*3 + 0.5*3, 0.9*3 + 0.5*3}, all(nil, s)["momentum_buffer.w"])
	require.Equal(t, int64(3), s.Steps())
}

// A gradient that does not change has no deviation, which rounding must not make negative.
func TestCenteredRMSPropOfConstantGradients(t *testing.T) {
	w := float32s("w", 1000)
	for i, g := range w.grad.Data().([]float32) {
		w.grad.Data().([]float32)[i] = g + float32(i)/1000
	}
	s, err := optim.NewRMSProp(asParams(w), &optim.RMSPropOptions{Alpha: 0.5, Centered: true, Epsilon: 1e-3})
	require.NoError(t, err)
	for range 50 {
		require.NoError(t, s.Step(asParams(w)))
	}
	require.NotContains(t, fmt.Sprint(floats(w.value)), "NaN")
}

// An average is swapped in and out in place, to the bit, and nothing may be done to it meanwhile.
func TestEMASwap(t *testing.T) {
	scalar := gorgonia.NewF32(3)
	ps := append(large[float32](), &fake{name: "s", value: scalar, grad: gorgonia.NewF32(1)})
	s, err := optim.NewLion(asParams(ps...), &optim.LionOptions{LearningRate: 0.1})
	require.NoError(t, err)
	ema, err := optim.NewEMA(asParams(ps...), 0.5)
	require.NoError(t, err)
	require.Equal(t, all(ps)["param b"], all(nil, ema)["b"], "before the first Update it is the parameters")
	for range 3 {
		require.NoError(t, s.Step(asParams(ps...)))
		require.NoError(t, ema.Update())
	}
	weights, average := all(ps), all(nil, ema)
	require.NoError(t, ema.Swap())
	for name, v := range all(ps) {
		require.Equal(t, average[name[len("param "):]], v, name)
	}
	require.InDelta(t, 0.25*2.9+0.25*2.8+0.5*2.7, float64(*scalar), 1e-6)
	require.ErrorContains(t, ema.Update(), "swapped in")
	names := 0
	for _, v := range ema.StateDict() {
		require.Nil(t, v.Value())
		names++
	}
	require.Len(t, average, names)
	require.NoError(t, ema.Swap())
	require.Equal(t, weights, all(ps))
	require.Equal(t, average, all(nil, ema))
}

// The first Update makes the average equal to the parameters, to the bit, however far they have gone.
func TestFirstUpdateIsExact(t *testing.T) {
	w := vector("w", 1, 1e20, 1)
	ema, err := optim.NewEMA(asParams(w), 0.9)
	require.NoError(t, err)
	w.value.Data().([]float64)[0] = 1.1
	require.NoError(t, ema.Update())
	require.Equal(t, []float64{1.1}, all(nil, ema)["w"])
	require.NoError(t, ema.Update())
	require.Equal(t, []float64{1.1}, all(nil, ema)["w"], "an average of equal numbers is that number")
}

// After its last step, one cycle stays where it is.
func TestOneCycleEnds(t *testing.T) {
	c := optim.OneCycle{Steps: 100}
	require.Equal(t, c.Factor(99), c.Factor(100))
	require.Equal(t, c.Factor(99), c.Factor(150))
	require.InDelta(t, 1e-4/25, c.Factor(99), 1e-15)
}

// An iteration of a StateDict may end early.
func TestStateDictEndsEarly(t *testing.T) {
	f := openFixture(t, "float32")
	w := newTraining(f)
	take := func(swap bool) {
		if swap {
			require.NoError(t, w.ema.Swap())
		}
		for name := range w.ema.StateDict() {
			require.Equal(t, "a", name)
			break
		}
	}
	take(false)
	take(true)
	for name := range w.solver.StateDict() {
		require.Equal(t, "exp_avg.a", name)
		break
	}
}

// The slots of parameters are named as PyTorch names them.
func TestSlotNames(t *testing.T) {
	f := openFixture(t, "float32")
	params := f.params()
	s, err := cases["rmsprop-all"](asParams(params...))
	require.NoError(t, err)
	var names []string
	for name := range s.StateDict() {
		names = append(names, name)
	}
	require.Equal(t, []string{"square_avg.a", "grad_avg.a", "momentum_buffer.a"}, slices.Clone(names[:3]))
	require.Len(t, names, 9)
}
