package optim

// This file is how a parameter's gradient is read.

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// read takes the gradient of v, whose value must be p's memory.
func (p *param) read(v gorgonia.ValueGrad) error {
	if p.f32 != nil {
		return readInto(p, p.f32, v)
	}
	return readInto(p, p.f64, v)
}

func readInto[T kernel.Float](p *param, m *memory[T], v gorgonia.ValueGrad) error {
	if err := checkValue(p, m, v.Value()); err != nil {
		return err
	}
	grad, err := v.Grad()
	if err != nil {
		return fmt.Errorf("gradient: %w", err)
	}
	if isNil(grad) {
		return errors.New("gradient: none yet: has the machine run?")
	}
	g, err := slice[T](grad)
	if err != nil {
		return fmt.Errorf("gradient: %w", err)
	}
	if !sameAxes(grad.Shape(), p.shape) {
		return fmt.Errorf("gradient: shape %v: want %v", grad.Shape(), p.shape)
	}
	m.g, m.up = g, addedUp(v, g)
	return nil
}

// checkValue wants the value that the solver was made with.
func checkValue[T kernel.Float](p *param, m *memory[T], v gorgonia.Value) error {
	w, err := slice[T](v)
	if err != nil {
		return err
	}
	if got := v.Shape(); !sameShape(got, p.shape) {
		return fmt.Errorf("shape %v: it was %v when the solver was made", got, p.shape)
	}
	if !sameMemory(w, m.w) {
		return errors.New("its value is in another memory than when the solver was made: write into the value instead of replacing it")
	}
	return nil
}

func sameShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// addedUp reports whether Gorgonia adds the gradient g of v up over runs, so that a solver has to
// set it to zero. A node's Grad is either the value of its Deriv, which each run computes anew and
// other nodes may share, or, with gorgonia.BindDualValues, memory of its own.
func addedUp[T kernel.Float](v gorgonia.ValueGrad, g []T) bool {
	n, ok := v.(interface{ Deriv() *gorgonia.Node })
	if !ok {
		return false
	}
	d := n.Deriv()
	if d == nil || isNil(d.Value()) {
		return true
	}
	anew, err := slice[T](d.Value())
	return err != nil || !sameMemory(anew, g)
}
