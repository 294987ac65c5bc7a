//go:build !purego && !race && !msan && !asan

package bulk

import "testing"

// What this processor would not do by itself is right as well.
func TestOtherProcessors(t *testing.T) {
	if !streams {
		t.Skip("this one has no AVX2")
	}
	defer func(was bool) { streams, always = true, was }(always)
	for _, p := range []struct{ streams, always bool }{{false, false}, {true, false}, {true, true}} {
		streams, always = p.streams, p.always
		TestEveryLength(t)
		TestEveryAlignment(t)
	}
}
