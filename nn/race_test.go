//go:build race

package nn_test

// raced says that the race detector is on, with which computing takes ten times as long.
const raced = true
