package faulty

// This file is how a test says which call goes wrong, and in what way.

import (
	"errors"
	"syscall"
)

// ErrKilled is what every call of a killed Process returns. The code under test still
// runs, as no real one would, but nothing that it does reaches the disk.
var ErrKilled = errors.New("faulty: the process was killed")

// Fault is one thing that goes wrong. The zero value fails the first call with EIO.
type Fault struct {
	// Call is the number of the call that it hits, from 0.
	Call int
	// Op counts only calls of that name, such as "rename"; empty counts all. The
	// names are those that Trace shows.
	Op string
	// Kind says what happens.
	Kind Kind
	// Err is what the call returns, wrapped in a *fs.PathError. Nil means EIO.
	Err error
	// Bit is the number of the bit that Flip turns, from the lowest one of the first byte
	// that the call returns. It counts modulo how many there are.
	Bit int64
}

// Kind is a way to go wrong.
type Kind int

const (
	// Fail makes one call fail without effect, but for three: a write (or copyrange)
	// leaves half of its bytes (or sectors), a sync of a file forgets which blocks it
	// should have written, and a close closes all the same.
	Fail Kind = iota
	// FailOn is Fail for that call and every later one.
	FailOn
	// FailLate makes one call take effect and return an error all the same, as when
	// a network file system loses the answer.
	FailLate
	// Short makes a write take half of its bytes and return no error. It does nothing
	// to other calls.
	Short
	// Kill ends the process before the call.
	Kill
	// Flip makes one readat, or one map, return one wrong bit and no error: what the medium
	// holds is right, and reading again says so. It does nothing to other calls.
	Flip
	// FlipOn is Flip for that call and every later one.
	FlipOn
)

// strike runs one call under f, which is nil when nothing goes wrong.
func (f *Fault) strike(op string, effect func() error, failing func(*Fault)) error {
	switch {
	case !f.concerns(op):
		return effect()
	case f.Kind == FailLate, f.flips():
		if err := effect(); err != nil {
			return err
		}
	}
	if f.Kind != FailLate && failing != nil {
		failing(f)
	}
	if f.Kind == Short || f.flips() {
		return nil
	}
	if f.Err == nil {
		return syscall.EIO
	}
	return f.Err
}

// concerns says whether f does anything to a call of that name.
func (f *Fault) concerns(op string) bool {
	switch {
	case f == nil:
		return false
	case f.Kind == Short:
		return op == "write" || op == "writeat" || op == "writedirect"
	case f.flips():
		return op == "readat" || op == "map"
	}
	return true
}

func (f *Fault) flips() bool { return f.Kind == Flip || f.Kind == FlipOn }

// goesOn says whether f hits all later calls, too.
func (f *Fault) goesOn() bool { return f.Kind == FailOn || f.Kind == FlipOn }

// flip turns one bit of what a call returns.
func (f *Fault) flip(b []byte) {
	if len(b) == 0 || !f.flips() {
		return
	}
	bit := f.Bit % (8 * int64(len(b)))
	b[bit/8] ^= 1 << (bit % 8)
}

// hits says whether f is for this call: number all of all calls, and number own of
// the calls named op.
func (f *Fault) hits(op string, all, own int) bool {
	n := all
	if f.Op != "" {
		if f.Op != op {
			return false
		}
		n = own
	}
	return n == f.Call || f.goesOn() && n > f.Call
}
