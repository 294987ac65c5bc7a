package store

// These tests have somebody take a name that a writer is about to give.

import (
	"io/fs"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// taking is what gives names, each with the one that somebody has taken.
var taking = map[string]struct {
	name string
	give func(t *testing.T, s *Store) error
}{
	"commit": {ID{1, 400}.String(), func(t *testing.T, s *Store) error {
		_, err := save(t.Context(), s, 400)
		return err
	}},
	"set aside": {damagedName(ID{1, 200}), func(_ *testing.T, s *Store) error {
		_, err := s.SetAside(ID{1, 200})
		return err
	}},
	"evidence": {evidenceName(ID{1, 400}), func(t *testing.T, s *Store) error {
		p, err := s.Begin(400, nil, 0)
		require.NoError(t, err)
		name, err := p.CommitEvidence(t.Context(), &Manifest{})
		if err == nil && name == "" {
			return fs.ErrExist // there is one already
		}
		return err
	}},
}

// TestNothingIsReplaced: a name that is taken is an error, and what has it stays, also if it came a moment
// before the rename.
func TestNothingIsReplaced(t *testing.T) {
	for what, test := range taking {
		for _, op := range []string{"lstat", "renamenew"} {
			t.Run(what+"/"+op, func(t *testing.T) {
				disk := faulty.NewDisk()
				p := disk.Process()
				s := threeSaved(t, "/run", &Options{FS: p})
				taken, came := path.Join("/run", test.name), false
				p.Before(func(o, _ string) {
					if o == op && !came {
						came = true
						disk.Mkdir(taken)
						disk.WriteFile(taken+"/theirs", nil)
					}
				})
				require.ErrorIs(t, test.give(t, s), fs.ErrExist)
				require.Equal(t, []string{"theirs"}, disk.Names(taken))
				for _, step := range []int64{100, 200, 300} {
					verify(t, s, ID{1, step})
				}
				require.NoError(t, s.Close())
			})
		}
	}
	t.Run("file", func(t *testing.T) {
		disk := faulty.NewDisk()
		p := disk.Process()
		p.Before(func(op, name string) {
			if op == "open" && path.Base(name) == "taken" {
				disk.WriteFile(name, []byte("longer than what is to be written"))
			}
		})
		s := threeSaved(t, "/run", &Options{FS: p})
		_, err := s.Begin(400, map[string]int64{"taken": 1}, 0)
		require.ErrorIs(t, err, fs.ErrExist)
		require.NoError(t, s.Close())
	})
}

// TestTheGenerationIsAboveEveryName: none is used twice, though its claim is gone.
func TestTheGenerationIsAboveEveryName(t *testing.T) {
	old := ID{7, 100}
	for _, name := range []string{
		claimName(7), old.String(), damagedName(old), evidenceName(old), trashName(old), tempName(7, "0123"),
	} {
		disk := faulty.NewDisk()
		disk.Mkdir("/run")
		if name == claimName(7) {
			disk.WriteFile("/run/"+name, nil)
		} else {
			disk.Mkdir("/run/" + name)
		}
		s, err := Open("/run", &Options{FS: disk.Process()})
		require.NoError(t, err, name)
		require.EqualValues(t, 8, s.Generation(), name)
		require.NoError(t, s.Close())
	}
}
