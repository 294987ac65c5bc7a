package safetensors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"5GB": 5e9, "5 GB": 5e9, " 5\tgb ": 5e9, "1.5kb": 1500, "0.25MB": 250_000, ".5Mb": 500_000,
		"2TB": 2e12, "1e3 KB": 1e6, "1KB": 1000, "0.001KB": 1, "1.9999KB": 1999, "9223372TB": 9_223_372_000_000_000_000,
	} {
		got, err := ParseSize(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", " ", "10", "5GiB", "5G", "GB", " GB", "B", "5PB", "5 G B", "0x5GB", "1_000KB", "5\u212aB", "5,5GB",
		"infGB", "nanGB", "-5GB", "0GB", "0.0009KB", "9223373TB", "1e400KB", "GB5", "5GBé",
	} {
		_, err := ParseSize(text)
		require.ErrorContains(t, err, "safetensors: size ", text)
	}
}
