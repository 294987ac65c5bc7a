//go:build !unix

package store

import "errors"

// saveUnlocked is for a test that stops processes.
func saveUnlocked(string) error { return errors.ErrUnsupported }
