package crashproof

import (
	"os"
	"testing"
)

// full says that everything is to be looked at, not samples: KIBISIS_CRASH=full, as .ci/run has it.
var full = os.Getenv("KIBISIS_CRASH") == "full"

// by is a number that depends on how hard to look: with the race detector or -short, in a plain go test, in full.
func by(race, plain, all int) int {
	switch {
	case raced || testing.Short():
		return race
	case full:
		return all
	}
	return plain
}
