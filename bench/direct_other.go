//go:build !linux

package main

import (
	"errors"
	"os"
)

const (
	directUnit   = 4096
	canDropPages = false
)

// openDirect is for Linux.
func openDirect(string) (*os.File, error) { return nil, errors.ErrUnsupported }

// dropPages is for Linux.
func dropPages(string) error { return errors.ErrUnsupported }

// adviseHuge and populate do nothing: pages come as they are touched.
func adviseHuge([]byte) {}
func populate([]byte)   {}
