package crashproof

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestEveryCallFails: each call of each script fails.
func TestEveryCallFails(t *testing.T) {
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailOn, faulty.FailLate} {
				n, err := faulted(t.Context(), &s, faulty.Fault{Kind: kind, Err: syscall.EIO})
				t.Logf("kind %d: %d calls", kind, n)
				require.NoError(t, err)
			}
		})
	}
}
