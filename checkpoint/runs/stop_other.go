//go:build !unix

package runs

// This file is signals where a process cannot send them to itself.

import "os"

// requestSignals ask for a save: there are none.
func requestSignals() []os.Signal { return nil }

// raise ends the process.
func raise(os.Signal) { os.Exit(1) }
