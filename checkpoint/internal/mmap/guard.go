package mmap

// This file turns a memory fault into an error.

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// ErrFault says that memory could not be touched. Of a mapping that is read: the file is
// shorter than it was when mapped, or the medium failed. Of one that is written: it is
// read-only.
var ErrFault = errors.New("memory fault in a mapped file: it was cut short, or cannot be read")

// Guard runs fn and returns an error that wraps ErrFault, with the address, if fn touched
// memory that could not be fetched. fn has then stopped in the middle of whatever it did.
// Other panics pass through, a nil dereference among them.
//
// It covers the goroutine that it is called on: a goroutine that fn starts needs a Guard of
// its own. A system call that is handed such memory returns an error by itself.
func Guard(fn func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case memoryFault:
			err = fmt.Errorf("mmap: address %#x: %w", fault.Addr(), ErrFault)
		default:
			panic(fault)
		}
	}()
	fn()
	return nil
}

// memoryFault is what the runtime panics with under SetPanicOnFault. The Addr method tells
// it from other errors of the runtime (see debug.SetPanicOnFault).
type memoryFault interface {
	runtime.Error
	Addr() uintptr
}
