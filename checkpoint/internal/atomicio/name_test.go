package atomicio

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestTempNames: a name fits, is text if the base is, and belongs to its own base only.
func TestTempNames(t *testing.T) {
	base := rapid.OneOf(
		rapid.StringMatching(`[a-z.\-0-9é]{1,40}`),
		rapid.StringMatching(`[aé世]{60,127}`).Filter(func(s string) bool { return len(s) <= maxName }),
		rapid.Custom(func(t *rapid.T) string { // looks like a temporary's own middle
			return rapid.StringMatching(`[ab]\.[0-9a-f]{16}`).Draw(t, "base")
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		a, b := base.Draw(t, "a"), base.Draw(t, "b")
		name := tempName(a)
		require.LessOrEqual(t, len(name), maxName)
		require.True(t, utf8.ValidString(name))
		require.NotEqual(t, name, tempName(a))
		require.True(t, isTempOf(name, a))
		require.Equal(t, a == b, isTempOf(name, b), "%q for %q", name, b)
	})
}

func TestOnlyExactNamesMatch(t *testing.T) {
	good := ".m.0123456789abcdef.kibisis-tmp"
	require.True(t, isTempOf(good, "m"))
	for _, name := range []string{
		"m", ".m", ".m.kibisis-tmp", good + "x", "x" + good, good[1:],
		".m.0123456789abcde.kibisis-tmp", ".m.0123456789ABCDEF.kibisis-tmp",
		".m.0123456789abcdeg.kibisis-tmp", ".m.0123456789abcdef.tmp",
		".m.n.0123456789abcdef.kibisis-tmp", ".mm.0123456789abcdef.kibisis-tmp",
		strings.ToUpper(good),
	} {
		require.False(t, isTempOf(name, "m"), name)
	}
}

// TestLongNamesThatBeginAlike are cut to the same text and told apart by their hashes.
func TestLongNamesThatBeginAlike(t *testing.T) {
	a, b := strings.Repeat("x", 250)+"a", strings.Repeat("x", 250)+"b"
	require.True(t, isTempOf(tempName(a), a))
	require.False(t, isTempOf(tempName(a), b))
}
