//go:build race

package runs

// raced says that the race detector is on, with which a process takes a second to start.
const raced = true
