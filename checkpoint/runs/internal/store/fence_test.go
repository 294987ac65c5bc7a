package store

// These tests are about what keeps a second writer out, for good.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestALostRunIsLostForGood: also when all looks as it was.
func TestALostRunIsLostForGood(t *testing.T) {
	disk := faulty.NewDisk()
	p := disk.Process()
	s := threeSaved(t, "/run", &Options{FS: p})
	require.NoError(t, p.Rename("/run", "/elsewhere"))
	_, err := save(t.Context(), s, 400)
	require.ErrorIs(t, err, ErrFenced)
	require.NoError(t, p.Rename("/elsewhere", "/run"))
	_, err = save(t.Context(), s, 400)
	require.ErrorIs(t, err, ErrFenced)
	renames := callsOf(p, "renamenew")
	_, err = s.Prune(t.Context(), []ID{{1, 100}}, []ID{{1, 300}})
	require.ErrorIs(t, err, ErrFenced)
	require.Equal(t, renames, callsOf(p, "renamenew"), "nothing goes into the trash and comes back")
	require.NoError(t, s.Close())
	s, err = Open("/run", &Options{FS: p})
	require.NoError(t, err)
	_, err = goOn(t.Context(), s)
	require.NoError(t, err)
	_, err = save(t.Context(), s, 400)
	require.NoError(t, err, "a new writer has it")
	require.NoError(t, s.Close())
}

// TestANewerClaimDuringACommit: it comes between the last look before the rename and the rename, and
// its writer may not have seen the checkpoint.
func TestANewerClaimDuringACommit(t *testing.T) {
	disk := faulty.NewDisk()
	p := disk.Process()
	s := threeSaved(t, "/run", &Options{FS: p})
	p.Before(func(op, _ string) {
		if op == "renamenew" {
			disk.WriteFile("/run/"+claimName(2), nil)
		}
	})
	_, err := save(t.Context(), s, 400)
	require.ErrorIs(t, err, ErrFenced)
	require.NoError(t, s.Close())
}

// TestWithoutLocks: a file system that knows none is used only by those who ask for it.
func TestWithoutLocks(t *testing.T) {
	disk := faulty.NewDisk()
	disk.Lacks("lock", "lockshared")
	_, err := Open("/run", &Options{FS: disk.Process()})
	require.ErrorIs(t, err, ErrNoLocks)
	s := threeSaved(t, "/run", &Options{FS: disk.Process(), AllowUnlocked: true})
	require.NoError(t, s.Close())
	require.Zero(t, disk.OpenHandles())
}

// TestTheNewestIsOfTheNewestWriter: a run that went back has fewer steps, and is the newer one, also
// where the claim that says what was abandoned is gone.
func TestTheNewestIsOfTheNewestWriter(t *testing.T) {
	p := faulty.NewDisk().Process()
	s := threeSaved(t, "/run", &Options{FS: p})
	old, err := s.Entry(ID{1, 100})
	require.NoError(t, err)
	_, err = s.Rewind(t.Context(), &old)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, p.Remove("/run/"+claimName(2)))
	r, err := OpenReadOnly("/run", &Options{FS: p})
	require.NoError(t, err)
	entries, err := r.List()
	require.NoError(t, err)
	require.Equal(t, ID{2, 100}, entries[len(entries)-1].ID)
	head, _ := Head(entries)
	require.Equal(t, ID{2, 100}, head.ID)
	require.NoError(t, r.Close())
}
