package checkpoint

// This file makes Gorgonia tensors of stored ones.

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Dense reads t into a new tensor that owns its memory, for gorgonia.WithValue
// for example: it stays valid when the file is closed. Dtypes are not converted:
// F16 and BF16 become tensors of safetensors.Float16 and BFloat16, which
// Gorgonia can hold and not compute with, and those that it has no Go type for
// (F8, F6, F4) are errors that wrap safetensors.ErrDType.
func Dense(t safetensors.Tensor) (*tensor.Dense, error) {
	host, err := hostDtype(t.DType())
	if err != nil {
		return nil, fmt.Errorf("checkpoint: tensor %q: %w", t.Name(), err)
	}
	d := tensor.New(tensor.Of(host), tensor.WithShape(t.Shape()...))
	if err := t.ReadInto(d.Raw); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if t.DType() == safetensors.Bool {
		normalizeBools(d.Raw)
	}
	swapBytes(d.Raw, t.DType())
	return d, nil
}
