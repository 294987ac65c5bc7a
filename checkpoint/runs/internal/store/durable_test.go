package store

// These tests cut the power after what was acknowledged, where what is lost would not be missed at once.

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// acknowledged are calls, each with what must be there when it has returned nil, whatever is lost then.
var acknowledged = map[string]struct {
	call func(t *testing.T, s *Store) error
	law  func(t *testing.T, s *Store)
}{
	"save": {
		func(t *testing.T, s *Store) error { _, err := save(t.Context(), s, 400); return err },
		func(t *testing.T, s *Store) { verify(t, s, ID{1, 400}) },
	},
	"pin": {
		func(_ *testing.T, s *Store) error { return s.Pin(ID{1, 200}, "paper") },
		func(t *testing.T, s *Store) { require.Equal(t, []string{"paper"}, entryOf(t, s, ID{1, 200}).Pins) },
	},
	"unpin": {
		func(_ *testing.T, s *Store) error {
			return errors.Join(s.Pin(ID{1, 200}, "paper"), s.Unpin(ID{1, 200}, "paper"))
		},
		func(t *testing.T, s *Store) { require.False(t, entryOf(t, s, ID{1, 200}).Pinned) },
	},
	"record": {
		func(_ *testing.T, s *Store) error {
			return s.Record(ID{1, 200}, map[string]jsonfloat.Float{"loss": 2})
		},
		func(t *testing.T, s *Store) {
			e := entryOf(t, s, ID{1, 200})
			require.Equal(t, map[string]jsonfloat.Float{"loss": 2}, e.Metrics())
		},
	},
	"set aside": {
		func(_ *testing.T, s *Store) error { _, err := s.SetAside(ID{1, 200}); return err },
		func(t *testing.T, s *Store) {
			_, err := s.Entry(ID{1, 200})
			require.ErrorIs(t, err, ErrNotFound)
			_, err = s.root.Lstat(damagedName(ID{1, 200}) + "/" + ManifestName)
			require.NoError(t, err)
		},
	},
	"evidence": {
		func(t *testing.T, s *Store) error {
			p, err := s.Begin(400, nil, 0)
			require.NoError(t, err)
			_, err = p.CommitEvidence(t.Context(), &Manifest{})
			return err
		},
		func(t *testing.T, s *Store) {
			_, err := s.root.Lstat(evidenceName(ID{1, 400}) + "/" + ManifestName)
			require.NoError(t, err)
		},
	},
	"delete": {
		func(t *testing.T, s *Store) error {
			_, err := s.Prune(t.Context(), []ID{{1, 200}}, []ID{{1, 300}})
			return err
		},
		func(t *testing.T, s *Store) {
			_, err := s.Entry(ID{1, 200})
			require.ErrorIs(t, err, ErrNotFound)
		},
	},
}

func entryOf(t *testing.T, s *Store, id ID) Entry {
	t.Helper()
	e, err := s.Entry(id)
	require.NoError(t, err)
	return e
}

// TestWhatWasAcknowledgedLasts: the power goes at any call of what people ask for, and when it is done.
func TestWhatWasAcknowledgedLasts(t *testing.T) {
	for name, test := range acknowledged {
		t.Run(name, func(t *testing.T) {
			disk := faulty.NewDisk()
			disk.Mkdir("/runs") // the rest of the path is new
			p := disk.Process()
			s := threeSaved(t, "/runs/digits/mnist", &Options{FS: p})
			look := func(when string, law func(t *testing.T, s *Store)) {
				for after := range disk.Cuts(faulty.CutOptions{Max: 100}) {
					r, err := OpenReadOnly("/runs/digits/mnist", &Options{FS: after.Process()})
					require.NoError(t, err, when)
					_, err = readAllOnce(t.Context(), r)
					require.NoError(t, err, when)
					verify(t, r, ID{1, 100})
					verify(t, r, ID{1, 300})
					law(t, r)
					require.NoError(t, r.Close())
				}
			}
			p.Before(func(op, name string) { look(op+" "+name, func(*testing.T, *Store) {}) })
			require.NoError(t, test.call(t, s))
			p.Before(nil)
			look("done", test.law)
			require.NoError(t, s.Close())
		})
	}
}

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
