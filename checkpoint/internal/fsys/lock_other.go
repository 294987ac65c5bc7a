//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris || windows)

package fsys

import (
	"errors"
	"os"
)

func lockFile(*os.File, bool) (bool, error) { return false, errors.ErrUnsupported }
