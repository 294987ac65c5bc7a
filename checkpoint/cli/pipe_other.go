//go:build !windows

package cli

// This file tells a reader that has gone away from other failures to write.

import "syscall"

// closedPipe is what writing to a pipe gives when nobody reads it any more. On
// the process's own stdout the runtime has ended the process before that.
var closedPipe = []error{syscall.EPIPE}
