package safetensors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDTypeNames(t *testing.T) {
	for d := Bool; d <= U64; d++ {
		got, ok := ParseDType(d.String())
		require.True(t, ok)
		require.Equal(t, d, got)
	}
	for _, name := range []string{"", "none", "f32", "F32 ", "I4"} {
		d, ok := ParseDType(name)
		require.False(t, ok, name)
		require.Equal(t, "none", d.String())
		require.Zero(t, d.Bits())
	}
	require.Equal(t, "none", (U64 + 1).String())
	require.Zero(t, (U64 + 1).Bits())
}
