//go:build !purego && !race && !msan && !asan

package bulk

import "testing"

// Without AVX2, pieces go through Go's copy.
func TestProcessorWithoutAVX2(t *testing.T) {
	if !streams {
		t.Skip("this is one, so every other test is about it")
	}
	streams = false
	defer func() { streams = true }()
	TestEveryLength(t)
	TestEveryAlignment(t)
}
