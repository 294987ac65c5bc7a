//go:build !unix

package main

import "errors"

// onFullDisk needs limits on the size of files.
func onFullDisk(string) error { return errors.ErrUnsupported }
