//go:build race

package retain

// usual is fewer with the race detector, which has nothing to find here: there are no
// goroutines.
const usual = 1_000
