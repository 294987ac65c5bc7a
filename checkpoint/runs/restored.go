package runs

// This file is what Restore tells.

import (
	"fmt"
	"strings"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/provenance"
)

// Restored says what a run goes on from.
type Restored struct {
	// Step is the number of steps done: 0 for a new run.
	Step int64
	// From is the checkpoint, the name of its directory; "" for a new run.
	From string
	// Metrics are those of the checkpoint.
	Metrics Metrics
	// Skipped are newer checkpoints that could not be used, the newest first.
	Skipped []Skipped
	// LostSteps is how many steps before the newest of these the run goes on from.
	LostSteps int64
	// Changed is what is not as it was when the checkpoint was made: code, modules, flags,
	// settings, machine, optimizer.
	Changed []Change
	// Reports says, for each part with tensors, what was loaded.
	Reports map[string]*checkpoint.Report
}

// Skipped is a checkpoint that was not used.
type Skipped struct {
	ID     string
	Step   int64
	Reason string
	// SetAside is the name that its directory has now, "" where it stays as it is.
	SetAside string
}

// A Change is one thing that differs: What it is, what it Was, and what it Is now. Numeric says that
// numbers can differ for it, bit for bit.
type Change = provenance.Change

// String is a summary of a few lines, the first of which is "resumed step 400 from ...", or
// "nothing to resume, step 0".
func (r *Restored) String() string {
	var b strings.Builder
	if r.From == "" {
		b.WriteString("nothing to resume, step 0")
	} else {
		fmt.Fprintf(&b, "resumed step %d from %s", r.Step, r.From)
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "\n  skipped %s: %s", s.ID, s.Reason)
	}
	if r.LostSteps > 0 {
		fmt.Fprintf(&b, "\n  %d steps are lost", r.LostSteps)
	}
	for _, c := range r.Changed {
		fmt.Fprintf(&b, "\n  changed: %s", c)
	}
	return b.String()
}
