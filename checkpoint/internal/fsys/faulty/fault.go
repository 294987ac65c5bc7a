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
)

// strike runs one call under f, which is nil when nothing goes wrong.
func (f *Fault) strike(op string, effect func() error, failing func()) error {
	isWrite := op == "write" || op == "writeat" || op == "writedirect"
	switch {
	case f == nil, f.Kind == Short && !isWrite:
		return effect()
	case f.Kind == FailLate:
		if err := effect(); err != nil {
			return err
		}
	case failing != nil:
		failing()
	}
	if f.Kind == Short {
		return nil
	}
	if f.Err == nil {
		return syscall.EIO
	}
	return f.Err
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
	return n == f.Call || f.Kind == FailOn && n > f.Call
}
