//go:build !race

package workers_test

// raced is false where the race detector is off.
const raced = false
