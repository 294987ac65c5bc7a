package runs

// This file is the errors that programs look for.

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/provenance"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

var (
	// ErrStop says that a signal asked to end training, and that what could be saved is.
	ErrStop = errors.New("stop: a signal asked to end training")
	// ErrNoUsable is the kind of every *NoUsableError.
	ErrNoUsable = errors.New("no usable checkpoint")
	// ErrNothingToResume says that there is no checkpoint, and Options.MustResume asks for one.
	ErrNothingToResume = errors.New("there is no checkpoint to resume from")
	// ErrNotFinite is the kind of every *NotFiniteError.
	ErrNotFinite = errors.New("the state is not finite")
	// ErrRollbacks says that the run was rolled back as often as it may be.
	ErrRollbacks = errors.New("the budget of rollbacks is spent")
	// ErrNotRestored says that Restore was not called yet, so that nothing is known of the state.
	ErrNotRestored = errors.New("call Restore first: it says what is to be saved")
	// ErrDifferentRun says that settings of Options.Identity are not those of the saved run. The
	// error lists them.
	ErrDifferentRun = provenance.ErrDifferentRun
	// ErrLocked says that another process has the run open for writing. The error names it.
	ErrLocked = store.ErrLocked
	// ErrNoLocks says that the file system knows no locks: see Options.AllowUnlocked.
	ErrNoLocks = store.ErrNoLocks
	// ErrFenced says that this process has lost the run to another writer, or that the run's
	// directory was moved or made anew. It can save nothing any more.
	ErrFenced = store.ErrFenced
	// ErrDamaged says that the bytes of a checkpoint are not those that were written.
	ErrDamaged = store.ErrDamaged
	// ErrNewerFormat says that a newer version of this package wrote a checkpoint.
	ErrNewerFormat = store.ErrNewerFormat
	// ErrForeign says that a checkpoint belongs to another run.
	ErrForeign = store.ErrForeign
	// ErrNotFound says that there is no checkpoint such as was asked for.
	ErrNotFound = store.ErrNotFound
	// ErrNoSpace says that the disk, or what the user may have of it, is full. The error says how
	// much is needed and how much there is.
	ErrNoSpace = store.ErrNoSpace
	// ErrUnconfirmed says that a checkpoint is there, whole, and may not survive a power cut; or that the
	// file system lets nobody look whether it is there.
	ErrUnconfirmed = store.ErrUnconfirmed
	// ErrStep says that a step is not after the one saved last.
	ErrStep = store.ErrStep
	// ErrReadOnly says that the run was opened for reading.
	ErrReadOnly = store.ErrReadOnly
)

// NoUsableError lists why none of the checkpoints of a run can be restored.
type NoUsableError struct {
	Path    string
	Reasons []Skipped
}

func (e *NoUsableError) Error() string {
	lines := make([]string, len(e.Reasons))
	for i, s := range e.Reasons {
		lines[i] = s.ID + ": " + s.Reason
	}
	return fmt.Sprintf("%s: %v: %s", e.Path, ErrNoUsable, strings.Join(lines, "; "))
}

// Unwrap returns ErrNoUsable.
func (e *NoUsableError) Unwrap() error { return ErrNoUsable }

// NotFiniteError says which tensors of a state have NaN, or infinities where none may be.
type NotFiniteError struct {
	Step     int64
	Tensors  []string // "model: fc1.weight: 3 NaN, the first at element 17", sorted
	Evidence string   // the directory, in the run's, that holds the state; "" if there is one already
}

func (e *NotFiniteError) Error() string {
	const most = 5
	text := strings.Join(e.Tensors[:min(len(e.Tensors), most)], "; ")
	if more := len(e.Tensors) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return fmt.Sprintf("%v at step %d: %s", ErrNotFinite, e.Step, text)
}

// Unwrap returns ErrNotFinite.
func (e *NotFiniteError) Unwrap() error { return ErrNotFinite }
