package solver

// This file finds the bytes behind a value. It trusts Shape, Strides and Raw only: the
// other accessors of a tensor are each wrong for some layouts.

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
)

// A memory is where a value's numbers are. It aliases the value.
type memory struct {
	raw    []byte // host byte order
	dtype  tensor.Dtype
	layout strided.Layout
}

// memoryOf refuses what no solver keeps.
func memoryOf(v gorgonia.Value) (memory, error) {
	if isNil(v) {
		return memory{}, errors.New("has no value")
	}
	switch t := v.(type) {
	case *tensor.Dense:
		return denseMemory(t)
	case *gorgonia.F32:
		return memory{raw: unsafe.Slice((*byte)(unsafe.Pointer(t)), 4), dtype: tensor.Float32}, nil
	case *gorgonia.F64:
		return memory{raw: unsafe.Slice((*byte)(unsafe.Pointer(t)), 8), dtype: tensor.Float64}, nil
	}
	return memory{}, fmt.Errorf("is a %T", v)
}

func denseMemory(t *tensor.Dense) (memory, error) {
	shape, strides := t.Shape(), t.Strides()
	switch {
	case t.Dtype() != tensor.Float32 && t.Dtype() != tensor.Float64:
		return memory{}, fmt.Errorf("is of dtype %v", t.Dtype())
	case t.Engine() == nil || !t.IsNativelyAccessible():
		return memory{}, errors.New("is not in memory that Go can read")
	case t.IsMasked() && len(t.Raw) > 0: // an empty tensor says that it is masked
		return memory{}, errors.New("is masked")
	case len(shape) != len(strides) && len(shape) > 0 || slices.ContainsFunc(strides, func(n int) bool { return n < 0 }):
		return memory{}, fmt.Errorf("has shape %v and strides %v", shape, strides)
	}
	m := memory{raw: t.Raw, dtype: t.Dtype(), layout: strided.Layout{Axes: make([]strided.Axis, len(shape))}}
	for k, n := range shape {
		m.layout.Axes[k] = strided.Axis{N: int64(n), Stride: int64(strides[k])}
	}
	if m.layout.Span()*m.width() > int64(len(m.raw)) {
		return memory{}, fmt.Errorf("has shape %v and strides %v, which reach past its %d bytes", shape, strides, len(m.raw))
	}
	return m, nil
}

// width is the size of a number in bytes.
func (m memory) width() int64 { return int64(m.dtype.Size()) }

// runs is where the bytes lie, in row-major order.
func (m memory) runs() strided.Runs {
	runs, _ := m.layout.Bytes(8 * m.width()) // whole bytes have no fractions
	return runs
}

// packed is a new copy of the numbers in row-major order.
func (m memory) packed() []byte {
	b := make([]byte, m.layout.Elements()*m.width())
	m.runs().Gather(b, m.raw, 0, 0)
	return b
}

// set overwrites the numbers with those of from, of the same dtype and shape.
func (m memory) set(from memory) {
	if m.layout.Contiguous() {
		from.runs().Gather(m.raw[:m.layout.Elements()*m.width()], from.raw, 0, 0)
		return
	}
	m.runs().Scatter(m.raw, from.packed(), 0, 0)
}

// fits says in what the memory of a slot differs from that of its parameter. Shapes are
// compared axis by axis: Gorgonia's own comparison takes (n, 1) for (n).
func (m memory) fits(param memory) error {
	if m.dtype != param.dtype {
		return fmt.Errorf("is of dtype %v, its parameter of %v", m.dtype, param.dtype)
	}
	if !slices.EqualFunc(m.layout.Axes, param.layout.Axes, sameLength) {
		return fmt.Errorf("has shape %v, its parameter %v", m.layout.Shape(), param.layout.Shape())
	}
	return nil
}

func sameLength(a, b strided.Axis) bool { return a.N == b.N }

// memoryOfParam is the memory of a parameter's value.
func memoryOfParam(p gorgonia.ValueGrad) (memory, error) {
	if isNil(p) {
		return memory{}, errors.New("is a nil parameter")
	}
	return memoryOf(p.Value())
}
