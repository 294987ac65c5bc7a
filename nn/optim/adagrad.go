package optim

// This file is Adagrad.

import (
	"errors"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// AdagradOptions are those of torch.optim.Adagrad. Nil and zeros are its defaults.
type AdagradOptions struct {
	LearningRate float64 // 0 is 1e-2
	RateDecay    float64 // lr_decay: step t, from 1, has the rate LearningRate / (1 + (t-1)*RateDecay)
	Initial      float64 // initial_accumulator_value: what sums begin with
	Epsilon      float64 // added to the root; 0 is 1e-10
	WeightDecay  float64 // an L2 penalty: added to the gradient, times the parameter

	Schedule  Schedule // of the learning rate; nil is a constant
	ClipValue float64  // the largest value of a gradient; 0 is none
	ClipNorm  float64  // the largest norm of all gradients, after ClipValue; 0 is none
	Groups    []Group[AdagradOptions]
}

// NewAdagrad makes Adagrad (Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online
// Learning and Stochastic Optimization", JMLR 12, 2011, with diagonal matrices), as torch.optim.Adagrad
// has it: with d the gradient plus WeightDecay*w, and t the step, from 1,
//
//	sum = sum + d*d
//	w   = w - LearningRate/(1+(t-1)*RateDecay) * d / (sqrt(sum) + Epsilon)
//
// The slot is sum. [Solver.Rates] are without RateDecay. See [Solver] for what params may be.
func NewAdagrad(params []gorgonia.ValueGrad, o *AdagradOptions) (*Solver, error) {
	var own AdagradOptions
	if o != nil {
		own = *o
	}
	defaultTo(&own.LearningRate, 1e-2)
	defaultTo(&own.Epsilon, 1e-10)
	return build("adagrad", params, own, own.Groups, adagradRule)
}

func adagradRule(o AdagradOptions) (rule, error) {
	r := rule{
		rate: o.LearningRate, schedule: o.Schedule, clip: clipping{o.ClipValue, o.ClipNorm},
		slots: []slot{{"sum", o.Initial}},
		f32:   adagradMaker[float32](o), f64: adagradMaker[float64](o),
	}
	return r, errors.Join(
		notNegative("LearningRate", o.LearningRate),
		notNegative("RateDecay", o.RateDecay),
		notNegative("Initial", o.Initial),
		notNegative("Epsilon", o.Epsilon),
		notNegative("WeightDecay", o.WeightDecay),
	)
}

func adagradMaker[T kernel.Float](o AdagradOptions) maker[T] {
	return func(n now) update[T] {
		step := &kernel.AdagradStep[T]{
			Gradient: gradient[T](n, o.WeightDecay),
			Rate:     T(n.rate / (1 + float64(n.t-1)*o.RateDecay)),
			Epsilon:  T(o.Epsilon),
		}
		return func(w, g []T, s [most][]T) { kernel.Adagrad(w, g, s[0], step) }
	}
}
