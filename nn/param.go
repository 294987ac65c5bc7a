package nn

// This file is what a model is made of.

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Param is a named tensor of a model: a parameter, which is trained unless it is frozen, or a
// buffer, such as a running mean, which never is. Its values stay in one place for its whole life:
// solvers and loaders overwrite them there, and every graph sees it.
type Param struct {
	name   string
	value  *tensor.Dense
	buffer bool
	frozen bool
}

// Name is the full name, with the names of the scopes around it: "encoder.0.weight". Of a tied
// parameter it is the first.
func (p *Param) Name() string { return p.name }

// Value is the live tensor, never a copy.
func (p *Param) Value() gorgonia.Value { return p.value }

// Dense is Value as what it is.
func (p *Param) Dense() *tensor.Dense { return p.value }

// Shape is the shape of the value. It must not be changed.
func (p *Param) Shape() tensor.Shape { return p.value.Shape() }

// Dtype is the dtype of the value.
func (p *Param) Dtype() tensor.Dtype { return p.value.Dtype() }

// Trained reports whether a solver is to change it: it is no buffer, and not frozen.
func (p *Param) Trained() bool { return !p.buffer && !p.frozen }

// Freeze keeps p as it is in graphs that are built later: no gradient of it is computed there,
// nor of anything that only it needs.
func (p *Param) Freeze() { p.frozen = true }

// Unfreeze undoes Freeze, for graphs that are built later.
func (p *Param) Unfreeze() { p.frozen = false }

// floats calls the function for the type of p's elements. Of other types it does nothing.
func (p *Param) floats(f32 func([]float32), f64 func([]float64)) {
	switch data := p.value.Data().(type) {
	case []float32:
		f32(data)
	case []float64:
		f64(data)
	}
}
