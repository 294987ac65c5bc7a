package crashproof

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// TestReadsThatStayWrong are damage, told by file and tensor, and move nothing: it is the next process that
// may read what this one cannot.
func TestReadsThatStayWrong(t *testing.T) {
	disk, l := scripts[0].stage()
	p := newPlayer(t.Context(), disk, disk.Process(), l)
	require.NoError(t, scripts[0].play(p))
	verify := func(f *faulty.Fault) (trace []string, err error) {
		proc := disk.Process()
		if f != nil {
			proc.Inject(*f)
		}
		s, err := store.OpenReadOnly(rootPath, options(proc))
		require.NoError(t, err)
		c, err := s.Checkpoint(newer)
		require.NoError(t, err)
		err = c.Verify(t.Context())
		require.NoError(t, c.Close())
		require.NoError(t, s.Close())
		return proc.Trace(), err
	}
	trace, err := verify(nil)
	require.NoError(t, err)
	first := slices.IndexFunc(trace, func(call string) bool {
		return strings.HasPrefix(call, "readat") && strings.HasSuffix(call, weightsFile)
	})
	for bit := range int64(64) {
		_, err = verify(&faulty.Fault{Call: first, Kind: faulty.FlipOn, Bit: bit * 577})
		require.NoError(t, namesDamage(err))
		_, err = verify(&faulty.Fault{Call: first, Kind: faulty.Flip, Bit: bit * 577})
		require.NoError(t, err, "the second read is right")
	}
	require.NoError(t, check(t.Context(), disk, p.ledger.Load()))
}
