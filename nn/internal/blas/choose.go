package blas

// This file says which library multiplies.

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// Variable is the environment variable that says which library multiplies in a program that
// does not call Choose: what Choose takes, and nothing is "auto".
const Variable = "KIBISIS_BLAS"

// backend is a library.
type backend struct {
	name string // with version, short, and the same in each process on a machine
	f32  routines[float32]
	f64  routines[float64]
}

// routines compute row-major on the calling goroutine, for sizes above 0 and arguments that
// have been checked. trans says that a matrix is used transposed. gemv's m and n are those of
// a as it is held.
type routines[T Float] struct {
	gemm gemmFunc[T]
	gemv gemvFunc[T]
	// least is the multiplications of a block that is not worth to be cut: some 20 us.
	least int
}

type gemmFunc[T Float] = func(transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)

type gemvFunc[T Float] = func(trans bool, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)

var (
	current  atomic.Pointer[backend] // nil until a first use
	choosing sync.Mutex
)

// Choose says which library multiplies from now on: "openblas", "gonum", the path of a
// library that is OpenBLAS, "auto", which is OpenBLAS where it is found and else gonum, or
// "", which is what KIBISIS_BLAS says. What cannot be had is an error, and changes nothing.
// Products that run at the same time may use either.
func Choose(name string) error {
	choosing.Lock()
	defer choosing.Unlock()
	b, err := choose(name)
	if err != nil {
		return err
	}
	current.Store(b)
	return nil
}

// Name is what multiplies, with its version. It is an error where KIBISIS_BLAS asks for what
// cannot be had and nothing else has been chosen.
func Name() (string, error) {
	b, err := loaded()
	if err != nil {
		return "", err
	}
	return b.name, nil
}

// using gives the routines in use. It panics where Name is an error, for there is nothing to
// multiply with, and gonum would not be what was asked for.
func using[T Float]() *routines[T] {
	b, err := loaded()
	if err != nil {
		panic(err)
	}
	if r, ok := any(&b.f32).(*routines[T]); ok {
		return r
	}
	return any(&b.f64).(*routines[T])
}

// loaded is what multiplies, which is found on first use.
func loaded() (*backend, error) {
	if b := current.Load(); b != nil {
		return b, nil
	}
	choosing.Lock()
	defer choosing.Unlock()
	if b := current.Load(); b != nil {
		return b, nil
	}
	b, err := choose("")
	if err == nil {
		current.Store(b)
	}
	return b, err
}

func choose(name string) (*backend, error) {
	if name == "" {
		if name = os.Getenv(Variable); name == "" {
			name = "auto"
		}
		b, err := choose(name)
		if err != nil {
			err = fmt.Errorf("%s=%s: %w", Variable, name, err)
		}
		return b, err
	}
	switch {
	case name == "gonum":
		return gonumBackend(), nil
	case name == "openblas":
		return findOpenBLAS()
	case name == "auto":
		if b, err := findOpenBLAS(); err == nil {
			return b, nil
		}
		return gonumBackend(), nil
	case strings.ContainsAny(name, `/\.`):
		return openOpenBLAS(name)
	}
	return nil, fmt.Errorf("no BLAS %q: got neither auto, openblas, gonum nor the path of a library", name)
}
