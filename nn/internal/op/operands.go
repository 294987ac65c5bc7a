package op

// This file is operands that may be left out, and memory that stays from run to run.

import "gorgonia.org/gorgonia"

// present leaves out nodes that are nil.
func present(nodes ...*gorgonia.Node) gorgonia.Nodes {
	var found gorgonia.Nodes
	for _, n := range nodes {
		if n != nil {
			found = append(found, n)
		}
	}
	return found
}

// at is operand i, and nil if there are fewer.
func at[T any](all [][]T, i int) []T {
	if i >= len(all) {
		return nil
	}
	return all[i]
}

// sized is buf if it has n elements, else new memory.
func sized[T any](buf []T, n int) []T {
	if len(buf) == n {
		return buf
	}
	return make([]T, n)
}
