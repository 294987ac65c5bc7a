package solver

// This file holds what can be wrong between a solver, its parameters and a state.

import (
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"
)

// A MismatchError lists everything in which a solver, the parameters given and a state do
// not fit together.
type MismatchError struct {
	Kind     string // of the solver
	Problems []Problem
}

// A Problem is one of them.
type Problem struct {
	Position int    // of the parameter; -1 where it is about the whole
	Slot     string // "" where it is about none
	Reason   string // what is so: "has shape [2 3], its parameter [3 2]"
}

func (p Problem) String() string {
	switch {
	case p.Position < 0:
		return p.Reason
	case p.Slot == "":
		return fmt.Sprintf("parameter %d %s", p.Position, p.Reason)
	}
	return fmt.Sprintf("%s of parameter %d %s", p.Slot, p.Position, p.Reason)
}

func (e *MismatchError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return fmt.Sprintf("solver %s: %s", e.Kind, strings.Join(lines, "; "))
}

// problems collects problems.
type problems struct {
	kind string
	list []Problem
}

func (p *problems) add(position int, slot, format string, args ...any) {
	p.list = append(p.list, Problem{position, slot, fmt.Sprintf(format, args...)})
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &MismatchError{p.kind, p.list}
}

// nodeName is a node's name for messages.
func nodeName(n *gorgonia.Node) string {
	if n == nil {
		return ""
	}
	return n.Name()
}
