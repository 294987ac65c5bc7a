package optim

// This file is Lion.

import (
	"errors"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// LionOptions are the settings of Lion. Nil and zeros are its authors' defaults.
type LionOptions struct {
	LearningRate float64    // 0 is 1e-4: a third to a tenth of AdamW's
	Betas        [2]float64 // {0, 0} is {0.9, 0.99}
	WeightDecay  float64    // as AdamW's, and three to ten times as large

	Schedule  Schedule // of the learning rate; nil is a constant
	ClipValue float64  // the largest value of a gradient; 0 is none
	ClipNorm  float64  // the largest norm of all gradients, after ClipValue; 0 is none
	Groups    []Group[LionOptions]
}

// NewLion makes Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms",
// arXiv:2302.06675, algorithm 2): with g the gradient,
//
//	d       = sign(Betas[0]*exp_avg + (1-Betas[0])*g)
//	w       = w*(1 - LearningRate*WeightDecay) - LearningRate*d
//	exp_avg = Betas[1]*exp_avg + (1-Betas[1])*g
//
// The slot is exp_avg. See [Solver] for what params may be.
func NewLion(params []gorgonia.ValueGrad, o *LionOptions) (*Solver, error) {
	var own LionOptions
	if o != nil {
		own = *o
	}
	defaultTo(&own.LearningRate, 1e-4)
	defaultTo(&own.Betas, [2]float64{0.9, 0.99})
	return build("lion", params, own, own.Groups, lionRule)
}

func lionRule(o LionOptions) (rule, error) {
	r := rule{
		rate: o.LearningRate, schedule: o.Schedule, clip: clipping{o.ClipValue, o.ClipNorm},
		slots: []slot{{"exp_avg", 0}},
		f32:   lionMaker[float32](o), f64: lionMaker[float64](o),
	}
	return r, errors.Join(
		notNegative("LearningRate", o.LearningRate),
		part("Betas[0]", o.Betas[0]), part("Betas[1]", o.Betas[1]),
		notNegative("WeightDecay", o.WeightDecay),
	)
}

func lionMaker[T kernel.Float](o LionOptions) maker[T] {
	return func(n now) update[T] {
		step := &kernel.LionStep[T]{
			Gradient: gradient[T](n, 0),
			Shrink:   T(1 - n.rate*o.WeightDecay),
			Rate:     T(n.rate),
			Beta1:    T(o.Betas[0]), Rest1: T(1 - o.Betas[0]),
			Beta2: T(o.Betas[1]), Rest2: T(1 - o.Betas[1]),
		}
		return func(w, g []T, s [most][]T) { kernel.Lion(w, g, s[0], step) }
	}
}
