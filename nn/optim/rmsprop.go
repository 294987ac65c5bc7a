package optim

// This file is RMSProp.

import (
	"errors"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// RMSPropOptions are those of torch.optim.RMSprop. Nil and zeros are its defaults.
type RMSPropOptions struct {
	LearningRate float64 // 0 is 1e-2
	Alpha        float64 // how much of the mean square stays; 0 is 0.99
	Epsilon      float64 // added to the root; 0 is 1e-8
	Momentum     float64 // 0 is none
	Centered     bool    // divides by the deviation of gradients instead of by their mean square
	WeightDecay  float64 // an L2 penalty: added to the gradient, times the parameter

	Schedule  Schedule // of the learning rate; nil is a constant
	ClipValue float64  // the largest value of a gradient; 0 is none
	ClipNorm  float64  // the largest norm of all gradients, after ClipValue; 0 is none
	Groups    []Group[RMSPropOptions]
}

// NewRMSProp makes RMSProp (Hinton, Neural Networks for Machine Learning, lecture 6e; centered: Graves,
// arXiv:1308.0850, equations 38 to 41), as torch.optim.RMSprop has it: with d the gradient plus
// WeightDecay*w,
//
//	square_avg = Alpha*square_avg + (1-Alpha)*d*d
//	grad_avg   = Alpha*grad_avg + (1-Alpha)*d         (if Centered)
//	r          = d / (sqrt(square_avg - grad_avg*grad_avg) + Epsilon)
//	momentum_buffer = Momentum*momentum_buffer + r    (if there is Momentum; else it is r)
//	w          = w - LearningRate*momentum_buffer
//
// where a difference below the root that rounding makes negative is 0 (and NaN in PyTorch).
//
// The slots are those that the options use. See [Solver] for what params may be.
func NewRMSProp(params []gorgonia.ValueGrad, o *RMSPropOptions) (*Solver, error) {
	var own RMSPropOptions
	if o != nil {
		own = *o
	}
	defaultTo(&own.LearningRate, 1e-2)
	defaultTo(&own.Alpha, 0.99)
	defaultTo(&own.Epsilon, 1e-8)
	return build("rmsprop", params, own, own.Groups, rmsPropRule)
}

func rmsPropRule(o RMSPropOptions) (rule, error) {
	slots := []slot{{"square_avg", 0}}
	if o.Centered {
		slots = append(slots, slot{"grad_avg", 0})
	}
	if o.Momentum != 0 {
		slots = append(slots, slot{"momentum_buffer", 0})
	}
	r := rule{
		rate: o.LearningRate, schedule: o.Schedule, clip: clipping{o.ClipValue, o.ClipNorm}, slots: slots,
		f32: rmsPropMaker[float32](o), f64: rmsPropMaker[float64](o),
	}
	return r, errors.Join(
		notNegative("LearningRate", o.LearningRate),
		part("Alpha", o.Alpha),
		notNegative("Epsilon", o.Epsilon),
		notNegative("Momentum", o.Momentum),
		notNegative("WeightDecay", o.WeightDecay),
	)
}

func rmsPropMaker[T kernel.Float](o RMSPropOptions) maker[T] {
	return func(n now) update[T] {
		step := &kernel.RMSPropStep[T]{
			Gradient: gradient[T](n, o.WeightDecay),
			Rate:     T(n.rate),
			Alpha:    T(o.Alpha), Rest: T(1 - o.Alpha),
			Epsilon: T(o.Epsilon), Momentum: T(o.Momentum),
		}
		return func(w, g []T, s [most][]T) {
			var mean, buf []T
			next := 1
			if o.Centered {
				mean, next = s[next], next+1
			}
			if o.Momentum != 0 {
				buf = s[next]
			}
			kernel.RMSProp(w, g, s[0], mean, buf, step)
		}
	}
}
