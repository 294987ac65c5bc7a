package op

// This file is operands that are parts of tensors.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// A Section is a part of a node's last axis, which starts at From.
type Section struct {
	Node        *gorgonia.Node
	From, Width int
}

// Part is the i-th of n equal parts of a node's last axis.
func Part(node *gorgonia.Node, i, n int) Section {
	width := 0
	if node.Dims() > 0 {
		width = node.Shape()[node.Dims()-1] / n
	}
	return Section{node, i * width, width}
}

func (s Section) kernel() kernel.Section {
	return kernel.Section{Stride: s.Node.Shape()[s.Node.Dims()-1], From: s.From}
}

// operands are nodes, each once.
type operands []*gorgonia.Node

// add gives the place of n.
func (all *operands) add(n *gorgonia.Node) int {
	for i, other := range *all {
		if n == other {
			return i
		}
	}
	*all = append(*all, n)
	return len(*all) - 1
}
