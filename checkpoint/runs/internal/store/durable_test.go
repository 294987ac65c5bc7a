package store

// These tests cut the power after what was acknowledged, where what is lost would not be missed at once.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestPowerCutsAfterGoingBack: what was abandoned stays so, whatever is lost, also when the head that
// says so is damaged: the claim says it as well, that of the writer that went back and that of each
// later one.
func TestPowerCutsAfterGoingBack(t *testing.T) {
	disk, states := faulty.NewDisk(), 0
	s := threeSaved(t, "/run", &Options{FS: disk.Process()})
	old, err := s.Entry(ID{1, 100})
	require.NoError(t, err)
	head, err := s.Rewind(t.Context(), &old)
	require.NoError(t, err)
	look := func(when string) {
		var seen faulty.States
		for after := range disk.Cuts(faulty.CutOptions{Max: 300, Seen: &seen}) {
			after.Damage("/run/"+head.String()+"/"+ManifestName, func(b []byte) []byte { return b[:10] })
			requireAbandoned(t, after, when, ID{1, 200}, ID{1, 300})
			states++
		}
	}
	look("went back")
	require.NoError(t, s.Close())
	p := disk.Process()
	p.Before(func(op, name string) { look(op + " " + name) })
	s, err = Open("/run", &Options{FS: p})
	require.NoError(t, err)
	look("opened")
	require.NoError(t, s.Close())
	require.Greater(t, states, 10)
}

// requireAbandoned opens the run as a reader, and as the next writer does.
func requireAbandoned(t *testing.T, disk *faulty.Disk, when string, ids ...ID) {
	t.Helper()
	r, err := OpenReadOnly("/run", &Options{FS: disk.Process()})
	require.NoError(t, err, when)
	w, err := Open("/run", &Options{FS: disk.Process()})
	require.NoError(t, err, when)
	for _, s := range []*Store{r, w} {
		for _, id := range ids {
			e, err := s.Entry(id)
			require.NoError(t, err, when)
			require.True(t, e.Abandoned, "%s: %s has come back", when, id)
		}
		require.NoError(t, s.Close())
	}
}

// TestACopyInPlaceOfALink: where a file can have one name only, it is copied, and that lasts.
func TestACopyInPlaceOfALink(t *testing.T) {
	disk := faulty.NewDisk()
	disk.Lacks("link")
	s := threeSaved(t, "/run", &Options{FS: disk.Process()})
	e, err := linkAll(t, s, 400, ID{1, 300})
	require.NoError(t, err)
	for after := range disk.Cuts(faulty.CutOptions{}) {
		r, err := OpenReadOnly("/run", &Options{FS: after.Process()})
		require.NoError(t, err)
		c, err := r.Checkpoint(e.ID)
		require.NoError(t, err)
		require.NoError(t, c.Verify(t.Context()))
		for name, want := range content(300) {
			got, err := c.ReadAll(name)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		}
		require.NoError(t, c.Close())
		require.NoError(t, r.Close())
	}
	require.NoError(t, s.Close())
}

// linkAll commits a checkpoint with all files of another one.
func linkAll(t *testing.T, s *Store, step int64, from ID) (Entry, error) {
	t.Helper()
	old, err := s.Entry(from)
	require.NoError(t, err)
	p, err := s.Begin(step, nil, 0)
	require.NoError(t, err)
	for name := range old.Manifest.Files {
		if err := p.Link(name, old); err != nil {
			require.NoError(t, p.Close())
			return Entry{}, err
		}
	}
	return p.Commit(t.Context(), &Manifest{})
}
