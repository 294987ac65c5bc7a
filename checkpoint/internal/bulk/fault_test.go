//go:build unix && !aix

package bulk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
)

// A file that is cut short under a copy is an error of mmap.Guard, not the end of the program,
// wherever the bad page lies: in one loop, in the other, in the rest.
func TestCutFileIsAnErrorNotACrash(t *testing.T) {
	for _, kept := range []int{0, 4 * os.Getpagesize(), least, piece + least} {
		for _, begin := range []int{0, 8, 4088} {
			path := filepath.Join(t.TempDir(), "cut")
			want := noise(2*piece + 5000)
			require.NoError(t, os.WriteFile(path, want, 0o666))
			m, err := mmap.Open(path, false)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, int64(kept)))

			src, dst := m.Bytes()[begin:], make([]byte, 2*piece+5000)
			require.ErrorIs(t, mmap.Guard(func() { Stream(dst, src) }), mmap.ErrFault)
			if kept >= least+begin {
				require.NoError(t, mmap.Guard(func() { Stream(dst, src[:kept-begin]) }), "the rest is still there")
				require.Equal(t, want[begin:kept], dst[:kept-begin])
			}
			require.NoError(t, m.Close())
		}
	}
}

// The destination can fault as well.
func TestReadOnlyDestinationIsAnErrorNotACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "read-only")
	require.NoError(t, os.WriteFile(path, make([]byte, piece), 0o666))
	m, err := mmap.Open(path, false)
	require.NoError(t, err)
	require.ErrorIs(t, mmap.Guard(func() { Stream(m.Bytes(), make([]byte, piece)) }), mmap.ErrFault)
	require.NoError(t, m.Close())
}
