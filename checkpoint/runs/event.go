package runs

// This file is what an observer of a run can see.

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// An Event is something that happened in a run: one of the types below, as a value. Its String
// is a line for people. New types may be added.
type Event interface {
	fmt.Stringer
	entry() entry
}

// Due is a save that begins.
type Due struct {
	Step   int64
	Kind   string // as in Committed
	Reason string // "every 1000 steps"
}

// Waiting is a save that is due while another one is written. It has no copy of the state; it
// begins, with the state of that moment, when the other one has ended.
type Waiting struct {
	Step   int64
	Reason string
}

// Snapshot is a copy of the state: the loop can go on.
type Snapshot struct {
	Step    int64
	Bytes   int64
	Memory  int64         // what is kept for copies, in bytes; it grows only with the state
	Blocked time.Duration // how long the loop had to wait
}

// Committed is a checkpoint that is there and survives a power cut.
type Committed struct {
	ID    string // the name of its directory
	Step  int64
	Kind  string // why it was made: "periodic", "best", "request", "save", "stop" or "final"
	Bytes int64
	// Linked is how many of these bytes are second names of files of the last checkpoint, not
	// written again.
	Linked int64

	Copy    time.Duration // copying the state; the loop waits for it, and for finding out what there is
	Reserve time.Duration // making room on the disk, and names
	Write   time.Duration // the files, with their checksums
	Commit  time.Duration // the manifest, syncs and the rename
	Prune   time.Duration // deleting what no rule keeps

	Blocked time.Duration // how long the loop had to wait
	Lag     time.Duration // from the beginning until it was durable
	Lost    time.Duration // training time: Blocked, and how much slower steps were beside the save
	Share   float64       // of the training time since Restore that saves have cost so far, 0 to 1
}

// Failed is a save that came to nothing. Training goes on.
type Failed struct {
	Step   int64
	Kind   string
	Err    error
	InARow int // saves that failed, this one included
}

// NotFinite is a state that was not saved, for it has NaN in it, or infinities where none may be.
type NotFinite struct {
	Step     int64
	Tensors  []string // what is where, a line for each tensor
	Evidence string   // the directory that holds the state; "" if there is one already
}

// Pruned is checkpoints that were deleted, since no rule keeps them.
type Pruned struct {
	Deleted []string // by ID
	Freed   int64    // bytes on the disk
}

// Damaged is a checkpoint whose bytes are not those that were written.
type Damaged struct {
	ID      string
	Reason  string
	Renamed string // the name that its directory has now, "" where it stays
}

// Resumed is the end of Restore, also for a run that begins.
type Resumed struct{ Restored *Restored }

// RolledBack is the end of Rollback.
type RolledBack struct{ Restored *Restored }

// Stopping is a signal that asked to end training.
type Stopping struct {
	Signal   os.Signal
	Deadline time.Time // when the process may be killed
	Choice   string    // "save", "wait" for the copy that is being written, or "nothing"
	Reason   string    // of the choice
}

// Warning is anything else that somebody should look at. Training goes on.
type Warning struct{ Text string }

func (e Due) String() string {
	return fmt.Sprintf("saving step %d (%s): %s", e.Step, e.Kind, e.Reason)
}

func (e Waiting) String() string {
	return fmt.Sprintf("the save of step %d waits for the one before: %s", e.Step, e.Reason)
}

func (e Snapshot) String() string {
	return fmt.Sprintf("copied step %d: %s in %v, into %s of memory", e.Step, sizeText(e.Bytes), short(e.Blocked), sizeText(e.Memory))
}

func (e Committed) String() string {
	linked := ""
	if e.Linked > 0 {
		linked = ", " + sizeText(e.Linked) + " of them linked"
	}
	return fmt.Sprintf("saved step %d (%s%s, copied in %v, durable after %v)", e.Step, sizeText(e.Bytes), linked, short(e.Copy), short(e.Lag))
}

func (e Failed) String() string {
	row := ""
	if e.InARow > 1 {
		row = fmt.Sprintf(", the %s in a row", humanize.Ordinal(e.InARow))
	}
	return fmt.Sprintf("the save of step %d failed%s: %v", e.Step, row, oneLine(fmt.Sprint(e.Err)))
}

func (e NotFinite) String() string {
	return fmt.Sprintf("step %d is not saved, its state is not finite: %s", e.Step, strings.Join(e.Tensors, "; "))
}

func (e Pruned) String() string {
	return fmt.Sprintf("deleted %s, %s are free", strings.Join(e.Deleted, ", "), sizeText(e.Freed))
}

func (e Damaged) String() string {
	line := fmt.Sprintf("%s is damaged: %s", e.ID, oneLine(e.Reason))
	if e.Renamed != "" {
		line += "; it is now " + e.Renamed
	}
	return line
}

func (e Resumed) String() string { return summary(e.Restored) }

func (e RolledBack) String() string { return "rolled back: " + summary(e.Restored) }

func (e Stopping) String() string {
	return fmt.Sprintf("stopping on %q, before %s: %s, for %s", e.Signal, e.Deadline.Format(time.TimeOnly), e.Choice, e.Reason)
}

func (e Warning) String() string { return oneLine(e.Text) }

// summary is what Restored says in several lines.
func summary(r *Restored) string {
	line, _, _ := strings.Cut(r.String(), "\n")
	for _, n := range []struct {
		n    int64
		what string
	}{{r.LostSteps, "steps lost"}, {int64(len(r.Skipped)), "skipped"}, {int64(len(r.Changed)), "changed"}} {
		if n.n > 0 {
			line += fmt.Sprintf(", %d %s", n.n, n.what)
		}
	}
	return line
}

func sizeText(bytes int64) string { return humanize.IBytes(uint64(max(0, bytes))) }

// oneLine is a message that may have several.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
