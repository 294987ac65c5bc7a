package optim

// This file is how values of Gorgonia are slices, and all of the package's use of unsafe.

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// elements is the memory of v as it lies there, as one of the two types.
func elements(v gorgonia.Value) (*memory[float32], *memory[float64], error) {
	if isNil(v) {
		return nil, nil, errors.New("it has no value")
	}
	_, scalar := v.(gorgonia.Scalar)
	if v.Dtype() == tensor.Float64 {
		w, err := slice[float64](v)
		return nil, &memory[float64]{w: w, scalar: scalar}, err
	}
	w, err := slice[float32](v)
	return &memory[float32]{w: w, scalar: scalar}, nil, err
}

// slice is the memory of v as a slice of T, without an allocation.
func slice[T kernel.Float](v gorgonia.Value) ([]T, error) {
	if isNil(v) {
		return nil, errors.New("it has no value")
	}
	var found any
	switch v := v.(type) {
	case *gorgonia.F32:
		found = (*float32)(v)
	case *gorgonia.F64:
		found = (*float64)(v)
	case *tensor.Dense:
		return denseSlice[T](v)
	}
	if x, ok := found.(*T); ok {
		return unsafe.Slice(x, 1), nil
	}
	return nil, fmt.Errorf("a %T: want a *tensor.Dense, or a scalar, of %T", v, *new(T))
}

// denseSlice wants elements that lie densely in row-major order.
func denseSlice[T kernel.Float](d *tensor.Dense) ([]T, error) {
	var data []T
	if d.Dtype().Type != reflect.TypeFor[T]() {
		return nil, fmt.Errorf("elements of %v: want %T", d.Dtype(), *new(T))
	}
	switch data := any(&data).(type) {
	case *[]float32:
		*data = d.Float32s()
	case *[]float64:
		*data = d.Float64s()
	}
	if len(data) != d.Shape().TotalSize() || !rowMajor(d.Shape(), d.Strides()) {
		return nil, fmt.Errorf("a tensor of shape %v with strides %v: want one that is dense and row-major", d.Shape(), d.Strides())
	}
	return data, nil
}

func rowMajor(shape tensor.Shape, strides []int) bool {
	want := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && strides[i] != want {
			return false
		}
		want *= shape[i]
	}
	return true
}

// sameAxes compares shapes, but for axes of 1, which Gorgonia adds and drops.
func sameAxes(a, b tensor.Shape) bool {
	i, j := 0, 0
	for {
		for i < len(a) && a[i] == 1 {
			i++
		}
		for j < len(b) && b[j] == 1 {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if a[i] != b[j] {
			return false
		}
		i, j = i+1, j+1
	}
}

// span is the addresses of p's memory, from the first byte to the one after the last.
func (p *param) span() (begin, end uintptr) {
	if p.f32 != nil {
		return span(p.f32.w)
	}
	return span(p.f64.w)
}

func span[T kernel.Float](x []T) (begin, end uintptr) {
	begin = uintptr(unsafe.Pointer(unsafe.SliceData(x)))
	return begin, begin + uintptr(len(x))*unsafe.Sizeof(*new(T))
}

// sameMemory reports whether two slices are one.
func sameMemory[T kernel.Float](a, b []T) bool {
	return len(a) == len(b) && unsafe.SliceData(a) == unsafe.SliceData(b)
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
