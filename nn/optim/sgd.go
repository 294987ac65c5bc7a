package optim

// This file is stochastic gradient descent.

import (
	"errors"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

const sgd = "sgd"

// SGDOptions are those of torch.optim.SGD. Nil and zeros are its defaults.
type SGDOptions struct {
	LearningRate float64 // 0 is 1e-3
	Momentum     float64 // 0 is none
	Dampening    float64 // of gradients in the momentum buffer, but for the first
	Nesterov     bool    // needs Momentum, and no Dampening
	WeightDecay  float64 // an L2 penalty: added to the gradient, times the parameter

	Schedule  Schedule // of the learning rate; nil is a constant
	ClipValue float64  // the largest value of a gradient; 0 is none
	ClipNorm  float64  // the largest norm of all gradients, after ClipValue; 0 is none
	Groups    []Group[SGDOptions]
}

// NewSGD makes stochastic gradient descent, with the momentum of Sutskever et al. ("On the importance of
// initialization and momentum in deep learning", ICML 2013), as torch.optim.SGD has it: with
// d the gradient plus WeightDecay*w,
//
//	buf = Momentum*buf + (1-Dampening)*d    (at the first step buf = d)
//	w   = w - LearningRate*buf              (Nesterov: d + Momentum*buf)
//
// The slot is momentum_buffer, of parameters with Momentum. See [Solver] for what params may be.
func NewSGD(params []gorgonia.ValueGrad, o *SGDOptions) (*Solver, error) {
	var own SGDOptions
	if o != nil {
		own = *o
	}
	defaultTo(&own.LearningRate, 1e-3)
	return build(sgd, params, own, own.Groups, sgdRule)
}

func sgdRule(o SGDOptions) (rule, error) {
	err := errors.Join(
		notNegative("LearningRate", o.LearningRate),
		notNegative("Momentum", o.Momentum),
		notNegative("WeightDecay", o.WeightDecay),
		finite("Dampening", o.Dampening),
	)
	if o.Nesterov && (o.Momentum == 0 || o.Dampening != 0) {
		err = errors.Join(err, errors.New("Nesterov needs a Momentum, and no Dampening"))
	}
	r := rule{
		rate: o.LearningRate, schedule: o.Schedule, clip: clipping{o.ClipValue, o.ClipNorm},
		f32: sgdMaker[float32](o), f64: sgdMaker[float64](o),
	}
	if o.Momentum != 0 {
		r.slots = []slot{{"momentum_buffer", 0}}
	}
	return r, err
}

func sgdMaker[T kernel.Float](o SGDOptions) maker[T] {
	return func(n now) update[T] {
		step := &kernel.SGDStep[T]{
			Gradient: gradient[T](n, o.WeightDecay),
			Rate:     T(n.rate), Momentum: T(o.Momentum), Take: T(1 - o.Dampening), Nesterov: o.Nesterov,
		}
		if o.Momentum == 0 {
			return func(w, g []T, _ [most][]T) { kernel.SGD(w, g, step) }
		}
		return func(w, g []T, s [most][]T) { kernel.SGDMomentum(w, g, s[0], !n.momentum, step) }
	}
}
