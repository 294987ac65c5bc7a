package cli

// This file tells a reader that has gone away from other failures to write.

import "golang.org/x/sys/windows"

// closedPipe is what writing to a pipe gives when nobody reads it any more.
var closedPipe = []error{windows.ERROR_BROKEN_PIPE, windows.ERROR_NO_DATA}
