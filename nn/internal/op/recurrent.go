package op

// This file is what recurrent layers have in common.
//
// An op has one result, and a recurrent layer has several: the states at all moments, the last of
// them, and the last cell of an LSTM. So the result holds the cell, where it is wanted, as one row
// more after the moments. Joined and Rows take all that out, and the gradients of what they give
// add up to one gradient of the result.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Recurrent is the operands of one recurrent layer in one direction. G is H times the number of
// gates. The parameters are those of torch.nn.
type Recurrent struct {
	X                  *gorgonia.Node // (B, T, in)
	WeightIH, WeightHH *gorgonia.Node // (G, in), (G, H)
	BiasIH, BiasHH     *gorgonia.Node // (G); nil without
	Hidden, Cell       *gorgonia.Node // (B, H): the initial state, and the cell of an LSTM; nil: zeros
	Reverse            bool           // from the last moment to the first
}

// shape is that of the layer, if its operands have it.
func (r *Recurrent) shape(gates int) (k kernel.Recurrent, err error) {
	if r.X.Dims() != 3 {
		return k, fmt.Errorf("x is %v, want (batch, time, width)", r.X.Shape())
	}
	if r.WeightHH.Dims() != 2 {
		return k, fmt.Errorf("%s is %v, want a matrix", r.WeightHH.Name(), r.WeightHH.Shape())
	}
	x, hidden := r.X.Shape(), r.WeightHH.Shape()[1]
	k = kernel.Recurrent{Batch: x[0], Steps: x[1], In: x[2], Hidden: hidden, Reverse: r.Reverse}
	width, state := gates*hidden, tensor.Shape{k.Batch, hidden}
	for _, p := range []struct {
		n    *gorgonia.Node
		want tensor.Shape
	}{
		{r.WeightIH, tensor.Shape{width, k.In}},
		{r.WeightHH, tensor.Shape{width, hidden}},
		{r.BiasIH, tensor.Shape{width}},
		{r.BiasHH, tensor.Shape{width}},
		{r.Hidden, state},
		{r.Cell, state},
	} {
		if p.n != nil && !sameShape(p.n.Shape(), p.want) {
			return k, fmt.Errorf("x is %v, and %s is %v, want %v", x, p.n.Name(), p.n.Shape(), p.want)
		}
	}
	return k, nil
}

// operands are the nodes that are there, and which of all seven each is.
func (r *Recurrent) operands() (nodes gorgonia.Nodes, which []int) {
	for i, n := range []*gorgonia.Node{r.X, r.WeightIH, r.WeightHH, r.BiasIH, r.BiasHH, r.Hidden, r.Cell} {
		if n != nil {
			nodes, which = append(nodes, n), append(which, i)
		}
	}
	return nodes, which
}

// apply makes the node, of a result (B, moments, H), of the function for each dtype.
func (r *Recurrent) apply(t *Tape, k kernel.Recurrent, f32 func([]int) Function[float32], f64 func([]int) Function[float64]) (*gorgonia.Node, error) {
	nodes, which := r.operands()
	moments := k.Steps
	if k.Final {
		moments++
	}
	return Apply(t, tensor.Shape{k.Batch, moments, k.Hidden}, f32(which), f64(which), nodes...)
}

// recurrentSlices are the slices of a recurrent op's operands, or of their gradients; nil for those
// that are not there.
type recurrentSlices[T kernel.Float] [7][]T

func spread[T kernel.Float](which []int, slices [][]T) (all recurrentSlices[T]) {
	for i, s := range slices {
		all[which[i]] = s
	}
	return all
}

func (o *recurrentSlices[T]) x() []T      { return o[0] }
func (o *recurrentSlices[T]) hidden() []T { return o[5] }
func (o *recurrentSlices[T]) cell() []T   { return o[6] }
func (o *recurrentSlices[T]) weights() kernel.Weights[T] {
	return kernel.Weights[T]{X: o[1], H: o[2], BX: o[3], BH: o[4]}
}

// unrolled is the kernel of a layer whose state is one vector.
type unrolled[T kernel.Float] interface {
	Forward(out, x, h0 []T, w kernel.Weights[T])
	Backward(dx, dh0, dout []T, w, dw kernel.Weights[T])
}

// withoutCell is the function of such a layer. make takes its memory in the first run.
func withoutCell[T kernel.Float, L unrolled[T]](name string, k kernel.Recurrent, make func(kernel.Recurrent) L) func(which []int) Function[T] {
	return func(which []int) Function[T] {
		var layer L
		made := false
		return Function[T]{
			Name: name,
			Forward: func(c *Call[T]) error {
				if !made {
					layer, made = make(k), true
				}
				in := spread(which, c.In)
				layer.Forward(c.Out, in.x(), in.hidden(), in.weights())
				return nil
			},
			Backward: func(c *Call[T]) error {
				in, din := spread(which, c.In), spread(which, c.DIn)
				layer.Backward(din.x(), din.hidden(), c.Grad, in.weights(), din.weights())
				return nil
			},
		}
	}
}
