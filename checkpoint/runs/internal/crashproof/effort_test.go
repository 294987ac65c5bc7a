package crashproof

import "os"

// full says that everything is to be looked at, not samples: KIBISIS_CRASH=full, as .ci/run has it.
var full = os.Getenv("KIBISIS_CRASH") == "full"

// by is a number that depends on how hard to look: with the race detector, in a plain go test, in full.
func by(race, plain, all int) int {
	switch {
	case raced:
		return race
	case full:
		return all
	}
	return plain
}
