package checkpoint

// This file finds the bytes behind a Gorgonia value, and how they lie. It trusts
// Shape, Strides and Raw only: the other accessors of a tensor are each wrong for
// some layouts (transposed, sliced, column-major).

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A memory is where a value's elements are. It aliases the value: writing to raw
// changes the model.
type memory struct {
	raw    []byte // from the first element to the last, in host byte order
	dtype  safetensors.DType
	layout strided.Layout
}

// width is the size of an element in bytes.
func (m memory) width() int64 { return int64(m.dtype.Bits() / 8) }

// bytes returns the elements of memory without holes.
func (m memory) bytes() []byte { return m.raw[:m.layout.Elements()*m.width()] }

// addr is the address of the first byte, 0 where there is none.
func (m memory) addr() uintptr {
	if m.layout.Elements() == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(unsafe.SliceData(m.raw)))
}

// memoryOf refuses what cannot be stored.
func memoryOf(v gorgonia.Value) (memory, error) {
	switch t := v.(type) {
	case *tensor.Dense:
		return denseMemory(t)
	case gorgonia.Scalar:
		return scalarMemory(t)
	case tensor.Sparse:
		return memory{}, errors.New("a sparse tensor; save its Dense()")
	}
	return memory{}, fmt.Errorf("a value of type %T", v)
}

// asFloat32s views little-endian numbers as Go's, where the machine and their address
// allow it.
func asFloat32s(b []byte) ([]float32, bool) {
	p := unsafe.SliceData(b)
	if bigEndian || uintptr(unsafe.Pointer(p))%4 != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(p)), len(b)/4), true
}

func denseMemory(t *tensor.Dense) (memory, error) {
	dtype, err := storedDType(t.Dtype())
	if err != nil {
		return memory{}, err
	}
	switch {
	case !t.IsNativelyAccessible():
		return memory{}, errors.New("not in memory that Go can read; copy it from the device first")
	case t.IsMasked() && len(t.Raw) > 0: // an empty tensor says that it is masked
		return memory{}, errors.New("masked, and a mask cannot be stored")
	}
	m := memory{raw: t.Raw, dtype: dtype}
	m.layout, err = layoutOf(t.Shape(), t.Strides())
	if err == nil && m.layout.Span()*m.width() > int64(len(m.raw)) {
		err = fmt.Errorf("shape %v and strides %v reach past its %d bytes", t.Shape(), t.Strides(), len(m.raw))
	}
	return m, err
}

func layoutOf(shape tensor.Shape, strides []int) (strided.Layout, error) {
	if len(shape) != len(strides) && shape.Dims() > 0 {
		return strided.Layout{}, fmt.Errorf("shape %v with strides %v", shape, strides)
	}
	l := strided.Layout{Axes: make([]strided.Axis, len(shape))}
	for k, n := range shape {
		if strides[k] < 0 {
			return strided.Layout{}, fmt.Errorf("negative strides %v", strides)
		}
		l.Axes[k] = strided.Axis{N: int64(n), Stride: int64(strides[k])}
	}
	return l, nil
}

// scalarMemory is the memory of *gorgonia.F64 and its kin, which are pointers to
// plain Go numbers.
func scalarMemory(s gorgonia.Scalar) (memory, error) {
	dtype, err := storedDType(s.Dtype())
	if err != nil {
		return memory{}, err
	}
	p := reflect.ValueOf(s)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return memory{}, fmt.Errorf("a scalar of type %T", s)
	}
	return memory{raw: unsafe.Slice((*byte)(p.UnsafePointer()), s.Dtype().Size()), dtype: dtype}, nil
}
