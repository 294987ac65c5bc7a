package checkpoint

// This file gives a model that is being built its tensors out of a file, where they are.

import (
	"fmt"
	"maps"
	"slices"

	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A Lender gives the tensors of a file, one by one, to a model that is being built: mapped, not
// read. Opening a model then costs its header, and a page is read when it is computed with.
//
//	f, err := safetensors.Open(path, &safetensors.OpenOptions{CopyOnWrite: true})
//	lender := checkpoint.NewLender(f)
//	s := nn.NewScope(1).Using(lender.Take)
//	model := newModel(s)
//	err = errors.Join(s.Err(), lender.Unused())
//
// The file must stay open as long as the model is used, and must have been opened so that its
// memory can be written to, with CopyOnWrite or InMemory: training then changes this process's
// pages only. A Lender serves one goroutine.
type Lender struct {
	f     *safetensors.File
	taken map[string]bool
}

// NewLender returns a Lender of which nothing has been taken.
func NewLender(f *safetensors.File) *Lender { return &Lender{f, map[string]bool{}} }

// Take returns the tensor of that name, as memory of the file if it is stored as the dtype asked
// for. Other floats are converted into memory of their own, if dt holds each of them exactly.
// Another shape is a *MismatchError, as is a tensor that the file lacks. A name that is an alias
// in the file gives the tensor that is meant.
func (l *Lender) Take(name string, dt tensor.Dtype, shape tensor.Shape) (*tensor.Dense, error) {
	stored := name
	if of, ok := l.f.Aliases()[name]; ok {
		stored = of
	}
	t, err := l.f.Tensor(stored)
	if err != nil {
		return nil, &MismatchError{Missing: []Missing{{Param: name, Stored: stored}}}
	}
	if !slices.Equal(t.Shape(), []int(shape)) {
		return nil, &MismatchError{Shapes: []ShapeMismatch{{Param: name, Stored: stored, Got: t.Shape(), Want: shape.Clone()}}}
	}
	d, err := lend(t, dt, shape)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	l.taken[stored] = true
	return d, nil
}

// Unused is a *MismatchError of the tensors that have not been taken, and nil if there are none.
func (l *Lender) Unused() error {
	unused := map[string]bool{}
	for name := range l.f.All() {
		if !l.taken[name] {
			unused[name] = true
		}
	}
	if len(unused) == 0 {
		return nil
	}
	return &MismatchError{Unexpected: slices.Sorted(maps.Keys(unused))}
}

func lend(t safetensors.Tensor, dt tensor.Dtype, shape tensor.Shape) (*tensor.Dense, error) {
	switch dt {
	case tensor.Float32:
		if t.DType() != safetensors.F32 {
			return widened(t, shape)
		}
		return borrowed[float32](t, shape)
	case tensor.Float64:
		return borrowed[float64](t, shape)
	case tensor.Int64:
		return borrowed[int64](t, shape)
	}
	return nil, fmt.Errorf("tensor %q: %w: nothing is lent as %v", t.Name(), safetensors.ErrDType, dt)
}

func borrowed[T safetensors.Element](t safetensors.Tensor, shape tensor.Shape) (*tensor.Dense, error) {
	v, err := safetensors.As[T](t)
	if err != nil {
		return nil, err
	}
	if !v.Writable() {
		return nil, fmt.Errorf("tensor %q is mapped for reading only, and training would write to it: open the file with OpenOptions{CopyOnWrite: true}", t.Name())
	}
	return backedBy(v.Data(), shape), nil
}

// widened is the numbers of a smaller float.
func widened(t safetensors.Tensor, shape tensor.Shape) (*tensor.Dense, error) {
	data, err := t.Float32s(nil)
	if err != nil {
		return nil, err
	}
	return backedBy(data, shape), nil
}

func backedBy[T any](data []T, shape tensor.Shape) *tensor.Dense {
	if len(shape) == 0 {
		return tensor.New(tensor.FromScalar(data[0]))
	}
	return tensor.New(tensor.WithShape(shape.Clone()...), tensor.WithBacking(data))
}
