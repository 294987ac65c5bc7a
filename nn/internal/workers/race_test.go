//go:build race

package workers_test

// raced says that the race detector is on, with which pools forget what they hold.
const raced = true
