package optim

// This file is Adam and AdamW.

import (
	"errors"
	"math"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// AdamOptions are those of torch.optim.Adam. Nil and zeros are its defaults.
type AdamOptions struct {
	LearningRate float64    // 0 is 1e-3
	Betas        [2]float64 // {0, 0} is {0.9, 0.999}
	Epsilon      float64    // added to the root; 0 is 1e-8
	WeightDecay  float64    // an L2 penalty: added to the gradient, times the parameter

	Schedule  Schedule // of the learning rate; nil is a constant
	ClipValue float64  // the largest value of a gradient; 0 is none
	ClipNorm  float64  // the largest norm of all gradients, after ClipValue; 0 is none
	Groups    []Group[AdamOptions]
}

// AdamWOptions are those of torch.optim.AdamW. Nil and zeros are its defaults, but for
// WeightDecay, which is 0.01 there.
type AdamWOptions struct {
	LearningRate float64    // 0 is 1e-3
	Betas        [2]float64 // {0, 0} is {0.9, 0.999}
	Epsilon      float64    // added to the root; 0 is 1e-8
	WeightDecay  float64    // the part of a parameter, times the rate, that each step takes away; 0 is none

	Schedule  Schedule // of the learning rate; nil is a constant
	ClipValue float64  // the largest value of a gradient; 0 is none
	ClipNorm  float64  // the largest norm of all gradients, after ClipValue; 0 is none
	Groups    []Group[AdamWOptions]
}

// NewAdam makes Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1), as torch.optim.Adam has
// it: with d the gradient plus WeightDecay*w, and t the step, from 1,
//
//	exp_avg    = Betas[0]*exp_avg    + (1-Betas[0])*d
//	exp_avg_sq = Betas[1]*exp_avg_sq + (1-Betas[1])*d*d
//	w = w - LearningRate * exp_avg/(1-Betas[0]^t) / (sqrt(exp_avg_sq/(1-Betas[1]^t)) + Epsilon)
//
// The slots are exp_avg and exp_avg_sq. See [Solver] for what params may be.
func NewAdam(params []gorgonia.ValueGrad, o *AdamOptions) (*Solver, error) {
	var own AdamOptions
	if o != nil {
		own = *o
	}
	adamDefaults(&own.LearningRate, &own.Betas, &own.Epsilon)
	return build("adam", params, own, own.Groups, func(o AdamOptions) (rule, error) {
		r, err := adamRule(adam{o.LearningRate, o.Betas, o.Epsilon, o.WeightDecay, false})
		r.schedule, r.clip = o.Schedule, clipping{o.ClipValue, o.ClipNorm}
		return r, err
	})
}

// NewAdamW makes AdamW (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2), as
// torch.optim.AdamW has it: Adam, where instead of the L2 penalty each step begins with
//
//	w = w * (1 - LearningRate*WeightDecay)
//
// The slots are exp_avg and exp_avg_sq. See [Solver] for what params may be.
func NewAdamW(params []gorgonia.ValueGrad, o *AdamWOptions) (*Solver, error) {
	var own AdamWOptions
	if o != nil {
		own = *o
	}
	adamDefaults(&own.LearningRate, &own.Betas, &own.Epsilon)
	return build("adamw", params, own, own.Groups, func(o AdamWOptions) (rule, error) {
		r, err := adamRule(adam{o.LearningRate, o.Betas, o.Epsilon, o.WeightDecay, true})
		r.schedule, r.clip = o.Schedule, clipping{o.ClipValue, o.ClipNorm}
		return r, err
	})
}

func adamDefaults(rate *float64, betas *[2]float64, epsilon *float64) {
	defaultTo(rate, 1e-3)
	defaultTo(betas, [2]float64{0.9, 0.999})
	defaultTo(epsilon, 1e-8)
}

// adam is what Adam and AdamW have in common.
type adam struct {
	rate      float64
	betas     [2]float64
	epsilon   float64
	decay     float64
	decoupled bool
}

func adamRule(o adam) (rule, error) {
	r := rule{
		rate:  o.rate,
		slots: []slot{{"exp_avg", 0}, {"exp_avg_sq", 0}},
		f32:   adamMaker[float32](o), f64: adamMaker[float64](o),
	}
	return r, errors.Join(
		notNegative("LearningRate", o.rate),
		part("Betas[0]", o.betas[0]), part("Betas[1]", o.betas[1]),
		notNegative("Epsilon", o.epsilon),
		notNegative("WeightDecay", o.decay),
	)
}

func adamMaker[T kernel.Float](o adam) maker[T] {
	return func(n now) update[T] {
		shrink, l2 := 1.0, o.decay
		if o.decoupled {
			shrink, l2 = 1-n.rate*o.decay, 0
		}
		b1, b2 := o.betas[0], o.betas[1]
		step := &kernel.AdamStep[T]{
			Gradient: gradient[T](n, l2),
			Shrink:   T(shrink),
			Beta1:    T(b1), Rest1: T(1 - b1),
			Beta2: T(b2), Rest2: T(1 - b2),
			Rate:       T(n.rate / (1 - math.Pow(b1, float64(n.t)))),
			Correction: T(1 / math.Sqrt(1-math.Pow(b2, float64(n.t)))),
			Epsilon:    T(o.epsilon),
		}
		return func(w, g []T, s [most][]T) { kernel.Adam(w, g, s[0], s[1], step) }
	}
}
