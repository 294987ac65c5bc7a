package crashproof

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestAFailedUnpinDoesNotUndoADeletion: the sync of who removes a pin fails, and it is gone nevertheless, so
// that the checkpoint is deleted. A power cut must not bring the one back, and the other with it.
func TestAFailedUnpinDoesNotUndoADeletion(t *testing.T) {
	at := slices.IndexFunc(scripts, func(s script) bool { return s.name == "pins and records" })
	require.GreaterOrEqual(t, at, 0)
	for call := 0; ; call++ {
		hit, err := faultedAt(t.Context(), &scripts[at], 20, faulty.Fault{Op: "syncdir", Call: call})
		require.NoError(t, err)
		if !hit {
			require.Greater(t, call, 10)
			return
		}
	}
}
