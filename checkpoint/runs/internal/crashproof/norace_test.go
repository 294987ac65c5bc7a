//go:build !race

package crashproof

// raced is false where the race detector is off.
const raced = false
