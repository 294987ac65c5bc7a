//go:build !race

package retain

// histories is how many random ones are tried.
const histories = 50_000
