package op

import (
	"fmt"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// A Function is what a node computes. It belongs to one node alone, and may keep between
// Forward and Backward of one run what both need.
type Function[T kernel.Float] struct {
	Name string
	// Forward overwrites all of c.Out.
	Forward func(c *Call[T]) error
	// Backward overwrites those of c.DIn that are not nil. It is nil where nothing can be
	// differentiated.
	Backward func(c *Call[T]) error
	// Passes says which inputs have the gradient of the result, as it is. Backward is not
	// asked for theirs. Nil is none.
	Passes []bool
}

// A Call is the operands of one run of a Function, as dense row-major slices. They are lent for
// the time of the call.
type Call[T kernel.Float] struct {
	In    [][]T   // the inputs; nil for those that are indices
	Index [][]int // the inputs that are indices; nil for the others
	Out   []T     // the result: to be written by Forward, to be read by Backward
	Grad  []T     // in Backward: the gradient of the result
	DIn   [][]T   // in Backward: where the gradients of the inputs go; nil for what nobody needs
}

// A Tape knows which nodes of one graph need no gradient: data, parameters that are not
// trained, and whatever is computed of those alone. A node that it has not been told of needs
// one.
type Tape struct {
	fixed map[*gorgonia.Node]bool
}

// NewTape returns a Tape for a graph of which nothing is known yet.
func NewTape() *Tape { return &Tape{fixed: map[*gorgonia.Node]bool{}} }

// Fix says that n needs no gradient. It is heard by ops applied later.
func (t *Tape) Fix(n *gorgonia.Node) { t.fixed[n] = true }

// Needs reports whether a gradient of n is of use.
func (t *Tape) Needs(n *gorgonia.Node) bool { return !t.fixed[n] }

// Apply makes a node of a function, of the given shape. It takes the function of the dtype of
// the first input that is no index; the others must be of that dtype too.
func Apply(t *Tape, shape tensor.Shape, f32 Function[float32], f64 Function[float64], in ...*gorgonia.Node) (*gorgonia.Node, error) {
	dt, err := dtypeOf(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f32.Name, err)
	}
	if dt == tensor.Float32 {
		return apply(t, dt, shape, f32, in)
	}
	return apply(t, dt, shape, f64, in)
}

func dtypeOf(in []*gorgonia.Node) (tensor.Dtype, error) {
	var found tensor.Dtype
	for i, n := range in {
		switch dt := n.Dtype(); {
		case dt == tensor.Int:
		case dt != tensor.Float32 && dt != tensor.Float64:
			return found, fmt.Errorf("input %d (%s) is of %v: want float32, float64, or int for indices", i, n.Name(), dt)
		case found.Type == nil:
			found = dt
		case found != dt:
			return found, fmt.Errorf("input %d (%s) is of %v, those before it of %v", i, n.Name(), dt, found)
		}
	}
	if found.Type == nil {
		return found, fmt.Errorf("none of its %d inputs is of float32 or float64", len(in))
	}
	return found, nil
}

func apply[T kernel.Float](t *Tape, dt tensor.Dtype, shape tensor.Shape, f Function[T], in []*gorgonia.Node) (*gorgonia.Node, error) {
	needs := make([]bool, len(in))
	fixed := true
	for i, n := range in {
		needs[i] = f.Backward != nil && n.Dtype() == dt && t.Needs(n)
		fixed = fixed && !needs[i]
	}
	n, err := gorgonia.ApplyOp(&forward[T]{
		node:  newNode(f.Name, dt, shape, in),
		f:     f,
		needs: needs,
	}, in...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	if fixed {
		t.Fix(n)
	}
	return n, nil
}

// typeOf is what Gorgonia calls the type of a value of that dtype and shape.
func typeOf(dt tensor.Dtype, shape tensor.Shape) hm.Type {
	if shape.Dims() == 0 {
		return dt
	}
	return gorgonia.TensorType{Dims: shape.Dims(), Of: dt}
}
