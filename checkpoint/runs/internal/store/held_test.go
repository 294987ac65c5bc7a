package store

// These tests have a reader hold what a writer wants to delete.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
)

// TestWhatIsReadIsNotDeleted: a checkpoint stays complete while somebody has it open, and is not
// held back for longer.
func TestWhatIsReadIsNotDeleted(t *testing.T) {
	onEachDisk(t, func(t *testing.T, o *Options, path string) {
		s := threeSaved(t, path, o)
		r, err := OpenReadOnly(path, o)
		require.NoError(t, err)
		one, err := r.Checkpoint(ID{1, 100})
		require.NoError(t, err)
		two, err := r.Checkpoint(ID{1, 100})
		require.NoError(t, err)
		for _, c := range []*Checkpoint{one, two} {
			deleted, err := s.Prune(t.Context(), []ID{{1, 100}, {1, 200}}, []ID{{1, 300}})
			require.ErrorIs(t, err, ErrInUse)
			require.NotContains(t, deleted, ID{1, 100})
			require.NoError(t, c.Verify(t.Context()))
			require.NoError(t, c.Close())
		}
		deleted, err := s.Prune(t.Context(), []ID{{1, 100}}, []ID{{1, 300}})
		require.NoError(t, err)
		require.Equal(t, []ID{{1, 100}}, deleted)
		_, err = r.Checkpoint(ID{1, 100})
		require.ErrorIs(t, err, ErrNotFound)
		require.NoError(t, r.Close())
		require.NoError(t, s.Close())
	})
}

// TestReadAtEveryCallOfADeletion: whichever call of a deletion a reader comes before, it reads all
// or is told that there is no such checkpoint; also where there are no locks.
func TestReadAtEveryCallOfADeletion(t *testing.T) {
	for _, lacks := range [][]string{nil, {"lock", "lockshared"}} {
		reads, gone := 0, 0
		for k := int64(0); ; k++ {
			disk := faulty.NewDisk()
			disk.Lacks(lacks...)
			s := threeSaved(t, "/run", &Options{FS: disk.Process(), AllowUnlocked: true})
			r, err := OpenReadOnly("/run", &Options{FS: disk.Process()})
			require.NoError(t, err)
			came := false
			read := func() {
				came = true
				n, err := readAllOnce(t.Context(), r)
				require.NoError(t, err, "call %d", k)
				reads += n - 2
				gone += 3 - n
			}
			s.root = watched.Root(s.root, callAt(k, read))
			_, err = s.Prune(t.Context(), []ID{{1, 100}}, []ID{{1, 300}})
			require.NoError(t, err, "call %d", k)
			if !came {
				break
			}
		}
		require.NotZero(t, reads)
		require.NotZero(t, gone)
	}
}

// TestDeletionAtEveryCallOfARead is the reverse: where there are locks, a deletion that comes before
// any call of a read either is refused or has the reader find nothing.
func TestDeletionAtEveryCallOfARead(t *testing.T) {
	for _, lacks := range [][]string{nil, {"lock", "lockshared"}} {
		whole, gone, kept := 0, 0, 0
		for k := int64(0); ; k++ {
			disk := faulty.NewDisk()
			disk.Lacks(lacks...)
			s := threeSaved(t, "/run", &Options{FS: disk.Process(), AllowUnlocked: true})
			came := false
			prune := func() {
				came = true
				_, err := s.Prune(t.Context(), []ID{{1, 100}}, []ID{{1, 300}})
				if err != nil {
					require.ErrorIs(t, err, ErrInUse)
					kept++
				}
			}
			r, err := OpenReadOnly("/run", &Options{FS: watched.FS(disk.Process(), callAt(k+4, prune))})
			require.NoError(t, err)
			if err := checkWhole(t.Context(), r, ID{1, 100}); err == nil {
				whole++
			} else {
				require.ErrorIs(t, err, ErrNotFound, "call %d", k)
				gone++
			}
			if !came {
				break
			}
		}
		t.Logf("without %q: %d times whole, %d times gone, %d times kept from deletion", lacks, whole, gone, kept)
		require.NotZero(t, gone)
		require.Equal(t, lacks == nil, kept > 0)
	}
}
