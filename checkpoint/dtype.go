package checkpoint

// This file is the one table between Gorgonia's dtypes and the file's.

import (
	"fmt"
	"reflect"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// The half floats are containers in Gorgonia: tensors of them can be held, saved
// and loaded, but no op computes with them.
var (
	halfDtype  = tensor.Dtype{Type: reflect.TypeFor[safetensors.Float16]()}
	bhalfDtype = tensor.Dtype{Type: reflect.TypeFor[safetensors.BFloat16]()}
)

// dtypes pairs each dtype of Gorgonia's that a file can hold with its own. Where
// two share one, the first is what Dense makes.
var dtypes = []struct {
	host   tensor.Dtype
	stored safetensors.DType
}{
	{tensor.Float32, safetensors.F32},
	{tensor.Float64, safetensors.F64},
	{tensor.Int64, safetensors.I64},
	{tensor.Int32, safetensors.I32},
	{tensor.Int16, safetensors.I16},
	{tensor.Int8, safetensors.I8},
	{tensor.Uint64, safetensors.U64},
	{tensor.Uint32, safetensors.U32},
	{tensor.Uint16, safetensors.U16},
	{tensor.Uint8, safetensors.U8},
	{tensor.Bool, safetensors.Bool},
	{tensor.Complex64, safetensors.C64},
	{halfDtype, safetensors.F16},
	{bhalfDtype, safetensors.BF16},
	{tensor.Int, wordDType(safetensors.I64, safetensors.I32)},
	{tensor.Uint, wordDType(safetensors.U64, safetensors.U32)},
}

// wordDType is the dtype of Go's int and uint: 64 bits but on 32-bit machines.
func wordDType(wide, narrow safetensors.DType) safetensors.DType {
	if tensor.Int.Size() == 8 {
		return wide
	}
	return narrow
}

// storedDType is the file's dtype for a dtype of Gorgonia's.
func storedDType(host tensor.Dtype) (safetensors.DType, error) {
	for _, d := range dtypes {
		if d.host == host {
			return d.stored, nil
		}
	}
	return 0, fmt.Errorf("dtype %v cannot be stored", host)
}

// hostDtype is Gorgonia's dtype for the elements of a file.
func hostDtype(stored safetensors.DType) (tensor.Dtype, error) {
	for _, d := range dtypes {
		if d.stored == stored {
			return d.host, nil
		}
	}
	return tensor.Dtype{}, fmt.Errorf("%w: Gorgonia has no dtype for %s", safetensors.ErrDType, stored)
}

// newValue makes a zero value for a node that has none. A scalar is a Go number
// rather than a 0-d tensor, with which Gorgonia's Adam panics.
func newValue(host tensor.Dtype, shape tensor.Shape) (gorgonia.Value, error) {
	if shape.Dims() > 0 {
		return tensor.New(tensor.Of(host), tensor.WithShape(shape.Clone()...)), nil
	}
	switch host {
	case tensor.Float64:
		return gorgonia.NewF64(0), nil
	case tensor.Float32:
		return gorgonia.NewF32(0), nil
	case tensor.Int:
		return gorgonia.NewI(0), nil
	case tensor.Int64:
		return gorgonia.NewI64(0), nil
	case tensor.Int32:
		return gorgonia.NewI32(0), nil
	case tensor.Uint8:
		return gorgonia.NewU8(0), nil
	case tensor.Bool:
		return gorgonia.NewB(false), nil
	}
	return nil, fmt.Errorf("Gorgonia has no scalar of dtype %v", host)
}
