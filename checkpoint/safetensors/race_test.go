//go:build race

package safetensors

// raced says that the race detector is on. What is slow and has no concurrency is
// then left out.
const raced = true
