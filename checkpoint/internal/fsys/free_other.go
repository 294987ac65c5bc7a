//go:build !(darwin || linux || windows)

package fsys

import (
	"errors"
	"os"
)

func free(*os.File) (uint64, error) { return 0, errors.ErrUnsupported }
