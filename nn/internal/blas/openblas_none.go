//go:build purego || !((linux && !android) || (darwin && !ios)) || !(amd64 || arm64)

package blas

import "errors"

var errNoLibraries = errors.New("this program cannot load OpenBLAS: that takes linux or macOS on amd64 or arm64, and no build tag purego")

func findOpenBLAS() (*backend, error)       { return nil, errNoLibraries }
func openOpenBLAS(string) (*backend, error) { return nil, errNoLibraries }
