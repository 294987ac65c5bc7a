package op

// This file is the nodes that compute gradients.

import (
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// backward computes the gradients of all inputs of a node that need one. Its own value is the
// first of them. Its operands are the node's inputs, its result and the gradient of that.
type backward[T kernel.Float] struct {
	node
	of       *forward[T]
	first    int // the input of which the value is the gradient
	operands gorgonia.Nodes
	call     Call[T]
	grads    []*result[T] // nil for inputs that need none
}

func newBackward[T kernel.Float](of *forward[T], first int, in gorgonia.Nodes, out, grad *gorgonia.Node) *backward[T] {
	operands := append(slices.Clone(in), out, grad)
	return &backward[T]{
		node:     newNode(of.name+"_grad", in[first].Dtype(), in[first].Shape(), operands),
		of:       of,
		first:    first,
		operands: operands,
	}
}

func (o *backward[T]) Do(in ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer o.guard(&err)
	defer o.tell(begin())
	if err := read(&o.call, in, o.in); err != nil {
		return nil, err
	}
	if o.grads == nil {
		o.allocate()
	}
	n := len(o.of.needs)
	c := o.call
	c.In, c.Index, c.Out, c.Grad = c.In[:n], c.Index[:n], c.In[n], c.In[n+1]
	if err := o.of.f.Backward(&c); err != nil {
		return nil, err
	}
	return o.grads[o.first].value(), nil
}

func (o *backward[T]) allocate() {
	o.grads = make([]*result[T], len(o.of.needs))
	o.call.DIn = make([][]T, len(o.of.needs))
	for i, needed := range o.of.needs {
		if needed && !o.of.passes(i) {
			o.grads[i] = newResult[T](o.in[i])
			o.call.DIn[i] = o.grads[i].data
		}
	}
}

// pick hands on one of the gradients that another node has computed.
type pick[T kernel.Float] struct {
	node
	of *backward[T]
	i  int
}

func newPick[T kernel.Float](of *backward[T], i int, all *gorgonia.Node) *pick[T] {
	dt := all.Dtype()
	return &pick[T]{newNode(of.name, dt, of.in[i], gorgonia.Nodes{all}), of, i}
}

func (o *pick[T]) Do(...gorgonia.Value) (gorgonia.Value, error) { return o.of.grads[o.i].value(), nil }
