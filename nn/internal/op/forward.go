package op

// This file is the node that computes a result.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

type forward[T kernel.Float] struct {
	node
	f     Function[T]
	needs []bool // for each input, whether its gradient is of use
	call  Call[T]
	out   *result[T]
}

// Do computes the result. It is never called by two goroutines at once.
func (o *forward[T]) Do(in ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer o.guard(&err)
	defer o.tell(begin())
	if err := read(&o.call, in, o.in); err != nil {
		return nil, err
	}
	if o.out == nil {
		o.out = newResult[T](o.shape)
	}
	o.call.Out = o.out.data
	if err := o.f.Forward(&o.call); err != nil {
		return nil, err
	}
	return o.out.value(), nil
}

// DiffWRT says which gradients SymDiff gives.
func (o *forward[T]) DiffWRT(int) []bool { return o.needs }

// passes reports whether the gradient of an input is that of the result.
func (o *forward[T]) passes(i int) bool { return o.f.Passes != nil && o.f.Passes[i] }

// SymDiff makes one node that computes all gradients that are needed, and a node for each after
// the first that only hands it on.
func (o *forward[T]) SymDiff(in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	grads := make(gorgonia.Nodes, len(in))
	var all *gorgonia.Node
	var of *backward[T]
	for i, needed := range o.needs {
		if !needed {
			continue
		}
		if o.passes(i) {
			grads[i] = grad
			continue
		}
		var err error
		if all == nil {
			of = newBackward(o, i, in, out, grad)
			all, err = gorgonia.ApplyOp(of, of.operands...)
			grads[i] = all
		} else {
			grads[i], err = gorgonia.ApplyOp(newPick(of, i, all), all)
		}
		if err != nil {
			return nil, err
		}
	}
	return grads, nil
}
