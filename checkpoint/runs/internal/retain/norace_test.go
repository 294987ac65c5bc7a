//go:build !race

package retain

// usual is how many random histories are tried.
const usual = 50_000
