package nn

// This file is what recurrent layers have in common: parameters, and layers over layers.

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// RecurrentOptions change what a recurrent layer is. Nil, or its zero value, is what PyTorch does.
type RecurrentOptions struct {
	Layers        int     // each takes the states of the one before; 0: 1
	Bidirectional bool    // each layer goes through time both ways
	Dropout       float64 // of what one layer gives to the next, in training
	NoBias        bool
}

// RecurrentWeights are the parameters of one layer in one direction. G is the hidden width times
// the number of gates.
type RecurrentWeights struct {
	WeightIH *Param // (G, in)
	WeightHH *Param // (G, H)
	BiasIH   *Param // (G); nil without
	BiasHH   *Param // (G); nil without
}

// recurrent is layers over layers, each in one or two directions.
type recurrent struct {
	weights    []RecurrentWeights // layer by layer, in each the forward direction first
	directions int
	dropout    Dropout
	path       string
}

func newRecurrent(s *Scope, gates, in, hidden int, o *RecurrentOptions) recurrent {
	if o == nil {
		o = &RecurrentOptions{}
	}
	r := recurrent{directions: 1, dropout: Dropout(o.Dropout), path: s.path()}
	if o.Bidirectional {
		r.directions = 2
	}
	layers := o.Layers
	if layers == 0 {
		layers = 1
	}
	if layers < 0 {
		s.fail("weight_ih_l0", fmt.Errorf("%d layers", layers))
	}
	for layer := range layers {
		for _, suffix := range []string{"", "_reverse"}[:r.directions] {
			name := func(kind string) string { return fmt.Sprintf("%s_l%d%s", kind, layer, suffix) }
			w := RecurrentWeights{
				WeightIH: s.Param(name("weight_ih"), fanIn(hidden), gates*hidden, in),
				WeightHH: s.Param(name("weight_hh"), fanIn(hidden), gates*hidden, hidden),
			}
			if !o.NoBias {
				w.BiasIH = s.Param(name("bias_ih"), fanIn(hidden), gates*hidden)
				w.BiasHH = s.Param(name("bias_hh"), fanIn(hidden), gates*hidden)
			}
			r.weights = append(r.weights, w)
		}
		in = hidden * r.directions
	}
	return r
}

// unrolled is the nodes of a recurrent layer in one graph.
type unrolled struct {
	y       *gorgonia.Node // (B, T, H * directions): the states of the last layer
	results gorgonia.Nodes // (B, T, H) of each layer and direction, or one row more, where one is made
}

// unroll adds the op that one makes for each layer and direction. The initial states may be nil.
func (r *recurrent) unroll(g *Graph, x, hidden, cell *gorgonia.Node, one func(*op.Tape, *op.Recurrent) (*gorgonia.Node, error)) unrolled {
	u := unrolled{y: x}
	for i, w := range r.weights {
		if i > 0 && i%r.directions == 0 {
			u.y = r.dropout.Forward(g, r.join(g, x, u.results[i-r.directions:]))
		}
		u.results = append(u.results, g.apply(r.path, func() (*gorgonia.Node, error) {
			h, err := r.initial(g, hidden, i)
			if err != nil {
				return nil, fmt.Errorf("initial state: %w", err)
			}
			c, err := r.initial(g, cell, i)
			if err != nil {
				return nil, fmt.Errorf("initial cell: %w", err)
			}
			return one(g.tape, &op.Recurrent{
				X:        u.y,
				WeightIH: g.Node(w.WeightIH), WeightHH: g.Node(w.WeightHH),
				BiasIH: g.optional(w.BiasIH), BiasHH: g.optional(w.BiasHH),
				Hidden: h, Cell: c,
				Reverse: i%r.directions == 1,
			})
		}))
	}
	u.y = r.join(g, x, u.results[max(0, len(u.results)-r.directions):])
	return u
}

// initial is the part of layer and direction i of an initial state, which may be nil.
func (r *recurrent) initial(g *Graph, all *gorgonia.Node, i int) (*gorgonia.Node, error) {
	if all == nil {
		return nil, nil
	}
	if all.Dims() != 3 || all.Shape()[0] != len(r.weights) {
		return nil, fmt.Errorf("it is %v, want (%d, batch, hidden)", all.Shape(), len(r.weights))
	}
	return op.Select(g.tape, all, 0, i)
}

// join puts the directions of one layer side by side.
func (r *recurrent) join(g *Graph, x *gorgonia.Node, directions gorgonia.Nodes) *gorgonia.Node {
	return g.apply(r.path, func() (*gorgonia.Node, error) {
		return op.Joined(g.tape, x.Shape()[1], directions...)
	})
}

// last is the state after the last step of each layer and direction, (layers * directions, B, H).
func (r *recurrent) last(g *Graph, x *gorgonia.Node, results gorgonia.Nodes) *gorgonia.Node {
	return r.rows(g, results, func(i int) int {
		if i%r.directions == 1 {
			return 0
		}
		return x.Shape()[1] - 1
	})
}

// rows are, of each result, those of one moment.
func (r *recurrent) rows(g *Graph, results gorgonia.Nodes, moment func(i int) int) *gorgonia.Node {
	return g.apply(r.path, func() (*gorgonia.Node, error) {
		at := make([]int, len(results))
		for i := range at {
			at[i] = moment(i)
		}
		return op.Rows(g.tape, at, results...)
	})
}
