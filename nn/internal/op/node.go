package op

// This file is what all our ops are to Gorgonia.

import (
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"sync/atomic"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// node is the part of an op that does not depend on what it computes.
type node struct {
	name  string
	id    uint64 // unique in this process, so that no two nodes are taken for one
	shape tensor.Shape
	in    []tensor.Shape
	typ   hm.Type
}

var lastID atomic.Uint64

func newNode(name string, dt tensor.Dtype, shape tensor.Shape, in []*gorgonia.Node) node {
	n := node{name: name, id: lastID.Add(1), shape: shape.Clone()}
	types := make([]hm.Type, 0, len(in)+1)
	for _, from := range in {
		n.in = append(n.in, from.Shape().Clone())
		types = append(types, from.Type())
	}
	n.typ = hm.NewFnType(append(types, typeOf(dt, shape))...)
	return n
}

func (n *node) Arity() int     { return len(n.in) }
func (n *node) Type() hm.Type  { return n.typ }
func (n *node) String() string { return fmt.Sprintf("%s#%d", n.name, n.id) }

func (n *node) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return n.shape.Clone(), nil }

// ReturnsPtr is false: it gives the result a register that is no other node's.
func (n *node) ReturnsPtr() bool     { return false }
func (n *node) CallsExtern() bool    { return false }
func (n *node) OverwritesInput() int { return -1 }

func (n *node) WriteHash(h hash.Hash) {
	io.WriteString(h, n.String()) //nolint:errcheck // a hash takes everything
}

func (n *node) Hashcode() uint32 {
	h := fnv.New32a()
	n.WriteHash(h)
	return h.Sum32()
}

// guard turns a panic into an error: in a TapeMachine, it would end the process.
func (n *node) guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %v", n.name, p)
	} else if *err != nil {
		*err = fmt.Errorf("%s: %w", n.name, *err)
	}
}
