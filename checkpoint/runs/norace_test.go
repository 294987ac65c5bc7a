//go:build !race

package runs

// raced is false where the race detector is off.
const raced = false
