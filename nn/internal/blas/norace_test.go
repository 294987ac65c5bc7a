//go:build !race

package blas_test

// raced is false where the race detector is off.
const raced = false
