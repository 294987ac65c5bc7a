package op

// This file is attention of heads that lie side by side.

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// AttentionOptions are how queries, keys and values meet.
type AttentionOptions struct {
	Heads, KVHeads int // of queries; of keys and values
	Causal         bool
	Scale          float64        // of the scores; 0: 1/sqrt(width of a head)
	Mask           *gorgonia.Node // added to the scores (B, H, T, S): (T, S) at least; dimensions before S may be 1; or nil
	KeyPadding     *gorgonia.Node // added to the scores: (B, S), or nil
	Dropout        float64
	Source         rand.Source // of dropout
}

// Attention is soft-max(scale Q Kᵀ + masks) V for each head: q (B, T, H W), k (B, S, G W) and
// v (B, S, G U) give (B, T, H U), where G is KVHeads.
func Attention(t *Tape, q, k, v Section, o AttentionOptions) (*gorgonia.Node, error) {
	shape, err := o.shape(q, k, v)
	if err != nil {
		return nil, err
	}
	var all operands
	at := attended{q: all.add(q.Node), k: all.add(k.Node), v: all.add(v.Node)}
	for _, n := range present(o.Mask, o.KeyPadding) {
		m, err := maskOf(n, n == o.KeyPadding, shape)
		if err != nil {
			return nil, err
		}
		shape.Masks, at.masks = append(shape.Masks, m), append(at.masks, all.add(n))
	}
	return Apply(t, tensor.Shape{shape.Batch, shape.Queries, shape.Heads * shape.ValueWidth},
		attention(&kernel.Attention[float32]{AttentionShape: shape}, at, o.Source),
		attention(&kernel.Attention[float64]{AttentionShape: shape}, at, o.Source), all...)
}

// attended says which operand is what.
type attended struct {
	q, k, v int
	masks   []int
}

func attention[T kernel.Float](k *kernel.Attention[T], at attended, source rand.Source) Function[T] {
	in := kernel.Attended[T]{Masks: make([][]T, len(at.masks))}
	d := kernel.Attended[T]{Masks: make([][]T, len(at.masks))}
	set := func(to *kernel.Attended[T], from [][]T) {
		to.Q, to.K, to.V = from[at.q], from[at.k], from[at.v]
		for i, j := range at.masks {
			to.Masks[i] = from[j]
		}
	}
	return Function[T]{
		Name: "attention",
		Forward: func(c *Call[T]) error {
			if k.Dropout > 0 {
				in.Seed = source.Uint64()
			}
			set(&in, c.In)
			k.Forward(c.Out, in)
			return nil
		},
		Backward: func(c *Call[T]) error {
			set(&in, c.In)
			set(&d, c.DIn)
			k.Backward(d, in, c.Grad)
			return nil
		},
	}
}

func (o AttentionOptions) shape(q, k, v Section) (kernel.AttentionShape, error) {
	var none kernel.AttentionShape
	for _, s := range []Section{q, k, v} {
		if s.Node.Dims() != 3 {
			return none, fmt.Errorf("%s is %v: queries, keys and values are (batch, time, width)", s.Node.Name(), s.Node.Shape())
		}
	}
	batch, queries, keys := q.Node.Shape()[0], q.Node.Shape()[1], k.Node.Shape()[1]
	switch {
	case k.Node.Shape()[0] != batch || v.Node.Shape()[0] != batch || v.Node.Shape()[1] != keys:
		return none, fmt.Errorf("queries are %v, keys %v and values %v: want one batch, and as many keys as values", q.Node.Shape(), k.Node.Shape(), v.Node.Shape())
	case o.Heads < 1 || o.KVHeads < 1 || o.Heads%o.KVHeads != 0:
		return none, fmt.Errorf("%d heads of queries for %d of keys and values: want a multiple", o.Heads, o.KVHeads)
	case q.Width%o.Heads != 0 || k.Width%o.KVHeads != 0 || v.Width%o.KVHeads != 0:
		return none, fmt.Errorf("queries of width %d are not %d heads, or keys of %d and values of %d not %d", q.Width, o.Heads, k.Width, v.Width, o.KVHeads)
	case q.Width/o.Heads != k.Width/o.KVHeads:
		return none, fmt.Errorf("heads of queries are %d wide, and those of keys %d", q.Width/o.Heads, k.Width/o.KVHeads)
	case !(o.Dropout >= 0 && o.Dropout <= 1):
		return none, fmt.Errorf("a share of %v cannot be dropped: want 0 to 1", o.Dropout)
	}
	width := q.Width / o.Heads
	if o.Scale == 0 {
		o.Scale = 1 / math.Sqrt(float64(width))
	}
	return kernel.AttentionShape{
		Batch: batch, Queries: queries, Keys: keys, Heads: o.Heads, KVHeads: o.KVHeads,
		Width: width, ValueWidth: v.Width / o.KVHeads, Q: q.kernel(), K: k.kernel(), V: v.kernel(),
		Causal: o.Causal, Scale: o.Scale, Dropout: o.Dropout,
	}, nil
}

// maskOf is the shape of a mask, if it can be added to scores of that shape.
func maskOf(n *gorgonia.Node, padding bool, of kernel.AttentionShape) (kernel.Mask, error) {
	s := n.Shape()
	if padding {
		if !sameShape(s, tensor.Shape{of.Batch, of.Keys}) {
			return kernel.Mask{}, fmt.Errorf("the padding mask is %v: want (%d, %d)", s, of.Batch, of.Keys)
		}
		return kernel.Mask{Batch: of.Batch, Heads: 1, Queries: 1}, nil
	}
	full := tensor.Shape{of.Batch, of.Heads, of.Queries, of.Keys}
	m := tensor.Shape{1, 1, 1, 1}
	if len(s) >= 2 && len(s) <= 4 {
		copy(m[4-len(s):], s)
	}
	for i, want := range full {
		if m[i] != want && (m[i] != 1 || i == 3) {
			return kernel.Mask{}, fmt.Errorf("the mask is %v: want what broadcasts to %v, with all keys", s, full)
		}
	}
	return kernel.Mask{Batch: m[0], Heads: m[1], Queries: m[2]}, nil
}
