//go:build !darwin && !linux && !windows

package fsys

import "errors"

func renameNoReplace(place, place) error { return errors.ErrUnsupported }
func exchange(place, place) error        { return errors.ErrUnsupported }
