//go:build !race

package safetensors

// raced says that the race detector is on.
const raced = false
