package optim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/nn/optim"
)

// Ten steps give PyTorch's parameters and slots, for every optimizer and its options: within 1e-5
// of the largest in float32, and 1e-10 in float64.
func TestPyTorch(t *testing.T) {
	for dtype, tolerance := range dtypes {
		f := openFixture(t, dtype)
		for name, make := range cases {
			t.Run(dtype+"/"+name, func(t *testing.T) {
				f.t = t
				params := f.params()
				s, err := make(asParams(params...))
				require.NoError(t, err)
				f.run(s, params, 0, fixtureSteps)
				f.requireCase(name, params, s, tolerance)
				require.Equal(t, int64(fixtureSteps), s.Steps())
			})
		}
	}
}

func TestPyTorchAccumulation(t *testing.T) {
	for dtype, tolerance := range dtypes {
		t.Run(dtype, func(t *testing.T) {
			f := openFixture(t, dtype)
			params := f.params()
			s, err := optim.NewAdam(asParams(params...), &optim.AdamOptions{LearningRate: 0.1})
			require.NoError(t, err)
			a, err := optim.NewAccumulator(s, 3)
			require.NoError(t, err)
			f.run(a, params, 0, fixtureSteps)
			f.requireCase("accumulated", params, s, tolerance)
			require.Equal(t, int64(3), s.Steps())
			require.Equal(t, 1, a.Pending())
			for name, v := range a.StateDict() {
				if param, ok := strings.CutPrefix(name, "grad_sum."); ok {
					require.Equal(t, floats(f.tensor("grad/9/"+param)), floats(v.Value()), "the last gradient waits")
				}
			}
		})
	}
}

func TestPyTorchEMA(t *testing.T) {
	for dtype, tolerance := range dtypes {
		t.Run(dtype, func(t *testing.T) {
			f := openFixture(t, dtype)
			params := f.params()
			s, err := optim.NewSGD(asParams(params...), &optim.SGDOptions{LearningRate: 0.1})
			require.NoError(t, err)
			ema, err := optim.NewEMA(asParams(params...), 0.9)
			require.NoError(t, err)
			for step := range fixtureSteps {
				f.run(s, params, step, step+1)
				require.NoError(t, ema.Update())
			}
			for name, v := range ema.StateDict() {
				if name == "n_averaged" {
					require.Equal(t, int64(fixtureSteps), v.Value().Data())
					continue
				}
				requireNear(t, floats(f.tensor("ema/"+name)), floats(v.Value()), tolerance, name)
			}
		})
	}
}

// Each schedule gives PyTorch's rates over hundreds of steps.
func TestPyTorchSchedules(t *testing.T) {
	f := openFixture(t, "schedules")
	for name, s := range map[string]optim.Schedule{
		"step":                  optim.StepDecay{Every: 30, Gamma: 0.7},
		"multistep":             optim.MultiStep{Milestones: []int64{130, 50, 20, 50}, Gamma: 0.5},
		"exponential":           optim.Exponential(0.98),
		"cosine":                optim.Cosine{Steps: 100, Min: 0.05},
		"linear":                optim.Linear{Start: 0.2, End: 0.9, Steps: 120},
		"warmup-cosine":         optim.WarmUp{Steps: 40, Start: 0.1, Then: optim.Cosine{Steps: 260}},
		"warmup-exponential":    optim.WarmUp{Steps: 40, Start: 0.1, Then: optim.Exponential(0.97)},
		"onecycle":              optim.OneCycle{Steps: 250},
		"onecycle-linear":       optim.OneCycle{Steps: 250, Linear: true, Rise: 0.25, Start: 0.1, Final: 0.01},
		"onecycle-three":        optim.OneCycle{Steps: 250, Rise: 0.4, ThreePhase: true},
		"onecycle-three-linear": optim.OneCycle{Steps: 250, Rise: 0.3, ThreePhase: true, Linear: true},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			want := floats(f.tensor(name))
			require.GreaterOrEqual(t, len(want), 250)
			got := make([]float64, len(want))
			for i := range got {
				got[i] = s.Factor(int64(i))
			}
			requireNear(t, want, got, 1e-12, name)
		})
	}
}

// A plateau gives PyTorch's rates for the same metrics, also when it is saved and restored after
// each of them.
func TestPyTorchPlateau(t *testing.T) {
	f := openFixture(t, "schedules")
	for name, o := range map[string]*optim.PlateauOptions{
		"plateau":         nil,
		"plateau-min-abs": {Factor: 0.5, Patience: 2, Threshold: 0.05, Absolute: true, Cooldown: 3, Min: 0.02},
		"plateau-max-rel": {Max: true, Factor: 0.3, Patience: 1, Threshold: 0.01, Cooldown: 1},
		"plateau-max-abs": {Max: true, Factor: 0.7, Patience: 0, Threshold: 0.1, Absolute: true},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			want := floats(f.tensor(name))
			got := make([]float64, len(want))
			p, err := optim.NewPlateau(o)
			require.NoError(t, err)
			for i, metric := range floats(f.tensor("metrics")) {
				before := p.Factor(0)
				reduced := p.Observe(metric)
				got[i] = p.Factor(int64(i))
				require.Equal(t, got[i] < before, reduced)
				raw, err := p.MarshalJSON()
				require.NoError(t, err)
				p, err = optim.NewPlateau(o)
				require.NoError(t, err)
				require.NoError(t, p.UnmarshalJSON(raw))
			}
			requireNear(t, want, got, 1e-14, name)
			require.Less(t, got[len(got)-1], 1.0, "the metrics of the fixture have a plateau")
		})
	}
}
