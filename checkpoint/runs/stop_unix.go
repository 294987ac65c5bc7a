//go:build unix

package runs

// This file is signals where processes can send them to themselves.

import (
	"os"
	"os/signal"
	"syscall"
)

// requestSignals ask for a save.
func requestSignals() []os.Signal { return []os.Signal{syscall.SIGUSR1} }

// raise has the signal do what it does by default. For those that ask to stop, the process
// ends as one that was killed by it, which is what its parent then sees.
func raise(s os.Signal) {
	signal.Reset(s)
	number, ok := s.(syscall.Signal)
	if !ok || syscall.Kill(syscall.Getpid(), number) != nil {
		os.Exit(1)
	}
}
