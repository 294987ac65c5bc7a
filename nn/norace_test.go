//go:build !race

package nn_test

// raced is false where the race detector is off.
const raced = false
