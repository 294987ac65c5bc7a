//go:build !darwin && !linux && !windows

package fsys

import "os"

// reserve does nothing: posix_fallocate, which some of these systems have, would
// change the file's length.
func reserve(*os.File, int64) error { return nil }
