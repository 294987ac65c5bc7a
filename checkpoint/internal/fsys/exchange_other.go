//go:build !darwin && !linux && !windows

package fsys

import "errors"

func renameNoReplace(string, string) error { return errors.ErrUnsupported }
func exchange(string, string) error        { return errors.ErrUnsupported }
