package optim

// This file is what the options of all solvers need.

import (
	"fmt"
	"math"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

func defaultTo[T comparable](setting *T, value T) {
	var zero T
	if *setting == zero {
		*setting = value
	}
}

func notNegative(name string, x float64) error {
	if !(x >= 0) || math.IsInf(x, 0) {
		return fmt.Errorf("%s %g: want 0 or more", name, x)
	}
	return nil
}

func finite(name string, x float64) error {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Errorf("%s %g: want a number", name, x)
	}
	return nil
}

// part wants a part of 1 that is not the whole.
func part(name string, x float64) error {
	if !(x >= 0 && x < 1) {
		return fmt.Errorf("%s %g: want 0 or more, and less than 1", name, x)
	}
	return nil
}

// gradient is how a step reads gradients.
func gradient[T kernel.Float](n now, decay float64) kernel.Gradient[T] {
	return kernel.Gradient[T]{Limit: T(n.limit), Scale: T(n.scale), Decay: T(decay)}
}
