//go:build !race

package resumed

const raced = false
