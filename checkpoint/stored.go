package checkpoint

// This file says where a parameter lies in a file: the one rule that saving and
// loading share.

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Stored says how a parameter of a model lies in a file, where that differs from
// the model. Read it from the model to the file: the axes are permuted, then the
// result is given another shape, and that is the stored tensor, or a slice of it.
// Loading goes the same way back. The zero value changes nothing.
//
//	PyTorch's Linear for x·W with W (in, out):  Stored{Permute: []int{1, 0}}
//	its bias (128) for a node of (1, 128):      Stored{Shape: []int{-1}}
//	the keys of a fused q, k, v (load only):    Stored{Name: "c_attn.weight", Slice: []safetensors.Index{safetensors.All(), safetensors.Range(768, 1536)}}
type Stored struct {
	// Name is the name in the file; "" is the parameter's own.
	Name string
	// Permute is the order of axes in the file: axis k of the stored tensor is
	// axis Permute[k] of the parameter, as numpy.transpose and torch.permute
	// count. Nil keeps the order.
	Permute []int
	// Shape is the shape in the file, after Permute, with as many elements. One
	// dim may be -1, for what is left. Nil keeps the shape.
	Shape []int
	// Slice selects the part of the stored tensor that is the parameter. Saving
	// with it is an error: a slice is not a whole tensor.
	Slice []safetensors.Index
}

// A placed param is one whose Stored has been checked against it.
type placed struct {
	*param
	stored Stored
	view   strided.Layout // the param's memory, its axes in the file's order
	shape  []int          // in the file
}

// asInFile reports whether the bytes in memory are those of the file, dtypes being
// equal: row-major, in the file's byte order.
func (p placed) asInFile() bool { return p.view.Contiguous() && !swapsBytes(p.dtype) }

// locate checks what stored says about every param.
func locate(params []*param, stored func(param string) Stored) ([]placed, error) {
	all := make([]placed, 0, len(params))
	var problems []Problem
	for _, p := range params {
		s := Stored{}
		if stored != nil {
			s = stored(p.name)
		}
		s.Name = cmp.Or(s.Name, p.name)
		at, err := s.locate(p)
		if err != nil {
			problems = append(problems, Problem{p.name, err.Error()})
		}
		all = append(all, at)
	}
	if len(problems) > 0 {
		return nil, newModelError(problems)
	}
	return all, nil
}

func (s Stored) locate(p *param) (placed, error) {
	at := placed{param: p, stored: s, view: p.layout}
	if s.Permute != nil {
		if !isPermutation(s.Permute, len(p.layout.Axes)) {
			return at, fmt.Errorf("Stored.Permute %v is no order of the %d axes of %v", s.Permute, len(p.layout.Axes), p.shape())
		}
		at.view = p.layout.Permute(s.Permute)
	}
	at.shape = at.view.Shape()
	if s.Shape != nil {
		shape, ok := fillShape(s.Shape, p.layout.Elements())
		if !ok {
			return at, fmt.Errorf("Stored.Shape %v has not the %d elements of %v", s.Shape, p.layout.Elements(), at.shape)
		}
		at.shape = shape
	}
	return at, nil
}

func isPermutation(order []int, n int) bool {
	sorted := slices.Sorted(slices.Values(order))
	for k, v := range sorted {
		if k != v {
			return false
		}
	}
	return len(sorted) == n
}

// fillShape replaces a -1 by what makes the shape hold n elements.
func fillShape(shape []int, n int64) ([]int, bool) {
	free, known := -1, int64(1)
	for k, dim := range shape {
		switch {
		case dim == -1 && free < 0:
			free = k
		case dim < 0 || dim > 0 && known > math.MaxInt64/int64(dim):
			return nil, false
		default:
			known *= int64(dim)
		}
	}
	filled := slices.Clone(shape)
	if free >= 0 {
		if known == 0 || n%known != 0 {
			return nil, false
		}
		filled[free] = int(n / known)
		return filled, true
	}
	return filled, known == n
}
