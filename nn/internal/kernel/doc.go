// Package kernel is the arithmetic of layers and optimizers, on slices. It knows no Gorgonia:
// package op makes ops of it. Every function works for float32 and float64; where there is
// assembly, it is chosen at run time and gives what the portable twin gives, within the bounds
// that the tests state.
//
// Matrices are row-major and dense. Lengths are the caller's promise: package op has checked
// them. Results never overlap inputs unless a function says that they may. No function keeps a
// slice, and none allocates in proportion to its data unless it says so.
//
// The bits of a result depend on shape and data, on the processor's instruction set and on the
// BLAS in use, never on GOMAXPROCS.
package kernel

// Float is what layers compute with.
type Float interface{ float32 | float64 }
