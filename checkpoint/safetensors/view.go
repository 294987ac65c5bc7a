package safetensors

// This file gives tensors as slices of Go numbers.

import "fmt"

// Float16 is the bits of an IEEE 754 binary16.
type Float16 uint16

// BFloat16 is the bits of a bfloat16, the upper half of a float32.
type BFloat16 uint16

// An Element is a Go type for which every bit pattern is a value. bool is none:
// a stored byte may be 2, and a Go bool may not.
type Element interface {
	int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 |
		float32 | float64 | complex64 | Float16 | BFloat16
}

// A View is a tensor's elements as Go numbers. It is a view in memory too where
// the file is mapped or in memory, the bytes lie in one piece, their address is
// aligned for T and the machine is little-endian; else it holds a copy.
type View[T Element] struct {
	data   []T
	shape  []int
	shared bool
	mapped bool
	locked bool
}

// As gives t as elements of T, never converting: the dtype must be T's own.
// uint8 also takes the dtypes that have no Go type: BOOL, the F8 ones, and the
// sub-byte ones, packed as stored (so len(Data) is then the number of bytes).
// Any other pair is an error that wraps ErrDType.
func As[T Element](t Tensor) (View[T], error) {
	if !holds[T](t.DType()) {
		var want T
		return View[T]{}, t.errorf("%w: stored %s, asked for %T", ErrDType, t.DType(), want)
	}
	b, inPlace, err := t.view()
	if err != nil {
		return View[T]{}, err
	}
	if inPlace {
		if data, ok := castBytes[T](b); ok {
			return View[T]{data, t.Shape(), true, t.Mapped(), t.Mapped() && !t.f.src.ownMemory()}, nil
		}
	}
	if err := t.fits(t.Size()); err != nil {
		return View[T]{}, err
	}
	data := make([]T, t.Size()/int64(sizeOf[T]()))
	if err := readElements(data, t.read); err != nil {
		return View[T]{}, err
	}
	return View[T]{data: data, shape: t.Shape()}, nil
}

// holds reports whether T is the Go type of elements stored as d.
func holds[T Element](d DType) bool {
	var zero T
	switch any(zero).(type) {
	case int8:
		return d == I8
	case uint8:
		return d != I8 && d.valid() && d.Bits() <= 8
	case int16:
		return d == I16
	case uint16:
		return d == U16
	case int32:
		return d == I32
	case uint32:
		return d == U32
	case int64:
		return d == I64
	case uint64:
		return d == U64
	case float32:
		return d == F32
	case float64:
		return d == F64
	case complex64:
		return d == C64
	case Float16:
		return d == F16
	case BFloat16:
		return d == BF16
	}
	return false
}

// Data returns the elements, row-major.
func (v View[T]) Data() []T { return v.data }

// Shape returns the dims; the caller must not change them.
func (v View[T]) Shape() []int { return v.shape }

// Shared reports whether Data is the file's own memory rather than a copy.
func (v View[T]) Shared() bool { return v.shared }

// Mapped reports whether Data is a mapping's memory, which ends with the File's
// Close.
func (v View[T]) Mapped() bool { return v.mapped }

// Writable reports whether Data may be written to: it is not memory that the file was mapped to
// for reading only, where a write would end the process.
func (v View[T]) Writable() bool { return !v.locked }

// At returns one element. Like indexing a slice, it panics if there is none. It
// is not for packed sub-byte tensors, whose elements are not T.
func (v View[T]) At(index ...int) T {
	if len(index) != len(v.shape) {
		panic(fmt.Sprintf("safetensors: %d indexes for shape %v", len(index), v.shape))
	}
	at := 0
	for k, i := range index {
		if i < 0 || i >= v.shape[k] {
			panic(fmt.Sprintf("safetensors: index %v out of shape %v", index, v.shape))
		}
		at = at*v.shape[k] + i
	}
	return v.data[at]
}
