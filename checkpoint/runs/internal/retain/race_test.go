//go:build race

package retain

// histories is fewer with the race detector, which has nothing to find here: there are no
// goroutines.
const histories = 1_000
