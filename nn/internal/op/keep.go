package op

// This file keeps Gorgonia from writing over our results.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Keep makes values of nodes last until the next run: those that Apply made, and parameters. An
// elementwise op of Gorgonia writes its result over an operand that no later op reads, whose memory may
// be that of another node too: Reshape shares it with its input. Keep adds one node, if
// any is needed, that reads all such operands after the ops that would write over them. It comes
// last, after gradients.
//
// Gradients may be written over, for nobody sees those but of leaves, which Gorgonia keeps itself.
func Keep(g *gorgonia.ExprGraph) error {
	var operands gorgonia.Nodes
	seen := map[*gorgonia.Node]bool{}
	read := func(n *gorgonia.Node) {
		if !seen[n] {
			seen[n] = true
			operands = append(operands, n)
		}
	}
	for _, n := range g.AllNodes() {
		if over := overwritten(g, n); over != nil && !spent(over) {
			read(over)
			read(n)
		}
	}
	if len(operands) == 0 {
		return nil
	}
	_, err := gorgonia.ApplyOp(&keep{newNode("keep", tensor.Float64, tensor.Shape{}, operands)}, operands...)
	if err != nil {
		return fmt.Errorf("keep: %w", err)
	}
	return nil
}

// overwritten is the operand in whose place n may write its result, or nil.
func overwritten(g *gorgonia.ExprGraph, n *gorgonia.Node) *gorgonia.Node {
	if n.Op() == nil || n.Type() == nil { // a leaf, or a statement such as Read
		return nil
	}
	at := n.Op().OverwritesInput()
	operands := g.From(n.ID())
	for ; at >= 0 && operands.Next(); at-- {
		if child, ok := operands.Node().(*gorgonia.Node); ok && at == 0 && child.Op() != nil {
			return child
		}
	}
	return nil
}

// spent says that the memory of a node is its own, or was free to be written over before, and
// that nobody looks at it after the run.
func spent(n *gorgonia.Node) bool {
	switch n.Op().(type) {
	case *backward[float32], *backward[float64], *pick[float32], *pick[float64]:
		return true
	}
	switch fmt.Sprintf("%T", n.Op()) {
	case "gorgonia.elemBinOp", "gorgonia.elemUnaryOp":
		return true
	}
	return false
}

// keep reads its operands, and does nothing.
type keep struct{ node }

func (o *keep) Do(...gorgonia.Value) (gorgonia.Value, error) { return gorgonia.NewF64(0), nil }
