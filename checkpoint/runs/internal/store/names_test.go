package store

// These tests have names that lead elsewhere, links, directories that cannot be written to, and clocks
// that are wrong.

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// badNames are refused as the names of files and of pins.
var badNames = []string{
	"", ".", "..", "../x", "/x", "a/b", `a\b`, `c:\x`, "c:x", "a\x00b", "a\nb", "a b", "ä", "\xff", ".hidden",
	"con", "nul.json", "aux.safetensors", "com1", "lpt9.txt", "com0", "a.", "Model.safetensors", "MODEL", "a*", "a?", "a:b", "a|b",
	ManifestName, pinName, recordedName, strings.Repeat("a", 256),
}

func TestNamesThatLeadElsewhereAreRefused(t *testing.T) {
	onEachDisk(t, func(t *testing.T, o *Options, path string) {
		s := threeSaved(t, path, o)
		before := tree(t, o.FS, filepath.Dir(filepath.Dir(path)))
		for _, name := range badNames {
			_, err := s.Begin(400, map[string]int64{"good": 1, name: 1}, 0)
			require.ErrorIs(t, err, ErrName, "%q", name)
			require.ErrorIs(t, s.Pin(first, name), ErrName, "%q", name)
		}
		require.Equal(t, before, tree(t, o.FS, filepath.Dir(filepath.Dir(path))), "no file was touched")
		for _, name := range []string{"model-00001-of-00002.safetensors", "a", "a..b", "console", strings.Repeat("a", 255)} {
			p, err := s.Begin(400, map[string]int64{name: 1}, 0)
			require.NoError(t, err, "%q", name)
			require.NoError(t, p.Close())
		}
		require.NoError(t, s.Close())
	})
}

// TestManifestsWithNamesThatLeadElsewhere: a digest is no proof of good will.
func TestManifestsWithNamesThatLeadElsewhere(t *testing.T) {
	r := newRun(t)
	for _, name := range badNames {
		m, err := decode(r.bytes(t, first, ManifestName))
		require.NoError(t, err)
		m.Files[name] = &File{Size: 1}
		_, err = m.encode()
		require.ErrorIs(t, err, ErrName, "it cannot be written either")
		b, err := json.MarshalIndent(m, "", "  ")
		require.NoError(t, err)
		b = withDigest(bytes.TrimSuffix(b, closing))
		r.with(first, ManifestName, b, func() { requireDamage(t, r.read(t, first), first, ManifestName, name) })
	}
}

// TestARootThatIsALink: it is followed when the run is opened.
func TestARootThatIsALink(t *testing.T) {
	onEachDisk(t, func(t *testing.T, o *Options, path string) {
		skipWithoutLinks(t)
		require.NoError(t, threeSaved(t, path, o).Close())
		link := path + "-link"
		require.NoError(t, o.FS.Symlink(filepath.Base(path), link))
		s, err := Open(link, o)
		require.NoError(t, err)
		_, err = Open(path, o)
		require.ErrorIs(t, err, ErrLocked, "it is one run")
		_, err = goOn(t.Context(), s)
		require.NoError(t, err)
		e, err := save(t.Context(), s, 400)
		require.NoError(t, err)
		_, err = o.FS.Lstat(filepath.Join(path, e.String()))
		require.NoError(t, err)
		// It points elsewhere now: this writer stays where it was, and may write no more.
		require.NoError(t, o.FS.Mkdir(path+"-other", 0o777))
		require.NoError(t, o.FS.Remove(link))
		require.NoError(t, o.FS.Symlink(filepath.Base(path)+"-other", link))
		_, err = save(t.Context(), s, 500)
		require.ErrorIs(t, err, ErrFenced)
		names, err := o.FS.ReadDir(path + "-other")
		require.NoError(t, err)
		require.Empty(t, names)
		require.NoError(t, s.Close())
	})
}

// TestLinksInARun: nothing is written, locked or deleted through a link that somebody has laid in the
// directory of a run.
func TestLinksInARun(t *testing.T) {
	tests := map[string]struct {
		link string
		do   func(s *Store) error
	}{
		"step, pinned":      {first.String(), func(s *Store) error { return s.Pin(first, "a") }},
		"step, recorded":    {first.String(), func(s *Store) error { return s.Record(first, nil) }},
		"manifest, pinned":  {first.String() + "/" + ManifestName, func(s *Store) error { return s.Pin(first, "a") }},
		"a step to be":      {"step-000000000400-g000001", func(s *Store) error { _, err := save(context.Background(), s, 400); return err }},
		"trash of a step":   {trashName(first), func(s *Store) error { return s.throwAway(ID{1, 200}) }},
		"a claim":           {claimName(2), func(s *Store) error { return s.writeClaim(2) }},
		"a name set aside":  {damagedName(first), func(s *Store) error { _, err := s.SetAside(first); return err }},
		"a pin":             {first.String() + "/" + pinName, func(s *Store) error { return s.Pin(first, "a") }},
		"metrics":           {first.String() + "/" + recordedName, func(s *Store) error { return s.Record(first, nil) }},
		"step, being swept": {tempName(1, "00"), func(s *Store) error { return s.sweepTemp(tempName(1, "00")) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			onEachDisk(t, func(t *testing.T, o *Options, path string) {
				skipWithoutLinks(t)
				s := threeSaved(t, path, o)
				victim := filepath.Join(path, "victim")
				require.NoError(t, o.FS.Mkdir(victim, 0o777))
				writeFile(t, o.FS, filepath.Join(victim, ManifestName), "{}")
				writeFile(t, o.FS, filepath.Join(victim, "model.safetensors"), "precious")
				at := filepath.Join(path, filepath.FromSlash(test.link))
				if _, err := o.FS.Lstat(at); err == nil {
					require.NoError(t, o.FS.Rename(at, at+"-before"))
				}
				dest, err := filepath.Rel(filepath.Dir(at), victim)
				require.NoError(t, err)
				require.NoError(t, o.FS.Symlink(dest, at))
				before := tree(t, o.FS, victim)
				_ = test.do(s) // whether it may be done or not, what is behind the link stays
				require.Equal(t, before, tree(t, o.FS, victim))
				require.NoError(t, s.Close())
			})
		})
	}
}

// TestLinksThatAWriterSweeps: what is left of dead writers is removed, not what links there lead to.
func TestLinksThatAWriterSweeps(t *testing.T) {
	onEachDisk(t, func(t *testing.T, o *Options, path string) {
		skipWithoutLinks(t)
		require.NoError(t, threeSaved(t, path, o).Close())
		before := tree(t, o.FS, filepath.Join(path, first.String()))
		links := []string{tempName(1, "00"), trashName(ID{1, 50}), trashPrefix + tempName(1, "01"), claimName(7)}
		for _, name := range links {
			require.NoError(t, o.FS.Symlink(first.String(), filepath.Join(path, name)))
		}
		s, err := Open(path, o)
		require.NoError(t, err)
		require.Equal(t, before, tree(t, o.FS, filepath.Join(path, first.String())))
		require.EqualValues(t, 8, s.Generation())
		names, err := o.FS.ReadDir(path)
		require.NoError(t, err)
		require.NotSubset(t, names, links[:1])
		require.NoError(t, s.Close())
	})
}

// TestALockThatIsALink is refused: it would be somebody else's file that is written to.
func TestALockThatIsALink(t *testing.T) {
	onEachDisk(t, func(t *testing.T, o *Options, path string) {
		skipWithoutLinks(t)
		require.NoError(t, o.FS.Mkdir(filepath.Dir(path), 0o777))
		require.NoError(t, o.FS.Mkdir(path, 0o777))
		writeFile(t, o.FS, filepath.Join(path, "victim"), "precious")
		require.NoError(t, o.FS.Symlink("victim", filepath.Join(path, lockName)))
		_, err := Open(path, o)
		require.ErrorContains(t, err, "lock is not a file")
		require.Equal(t, "precious", string(contentOf(t, o.FS, filepath.Join(path, "victim"))))
	})
}

func skipWithoutLinks(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("not everybody may make links there")
	}
}

func writeFile(t *testing.T, f fsys.FS, path, content string) {
	t.Helper()
	file, err := f.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	require.NoError(t, err)
	_, err = file.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// TestReadOnlyDirectory: reading works; writing fails when the run is opened, and says where and why.
func TestReadOnlyDirectory(t *testing.T) {
	disk := faulty.NewDisk()
	require.NoError(t, threeSaved(t, "/run", &Options{FS: disk.Process()}).Close())
	disk.SetReadOnly(true)
	_, err := Open("/run", &Options{FS: disk.Process()})
	require.ErrorContains(t, err, "/run")
	require.ErrorContains(t, err, "read-only")
	r, err := OpenReadOnly("/run", &Options{FS: disk.Process()})
	require.NoError(t, err)
	require.Equal(t, ID{1, 300}, head(t, r).ID)
	require.ErrorIs(t, r.checkClaim(), ErrReadOnly)
	_, err = r.Begin(400, nil, 0)
	require.ErrorIs(t, err, ErrReadOnly)
	_, err = r.Prune(t.Context(), []ID{first}, []ID{second})
	require.ErrorIs(t, err, ErrReadOnly)
	require.NoError(t, r.Close())
}

// TestWrongClocks: order is by generation and step, whatever the clocks say.
func TestWrongClocks(t *testing.T) {
	disk := faulty.NewDisk()
	now := time.Now()
	for i, years := range []int{0, 10, -10, 5} {
		clock := func() time.Time { return now.AddDate(years, 0, 0) }
		s, err := Open("/run", &Options{FS: disk.Process(), Now: clock})
		require.NoError(t, err)
		_, err = goOn(t.Context(), s)
		require.NoError(t, err)
		e, err := save(t.Context(), s, int64(100*(i+1)))
		require.NoError(t, err)
		require.Equal(t, now.AddDate(years, 0, 0).UTC().Year(), e.Manifest.Time.Year())
		entries, err := s.List()
		require.NoError(t, err)
		h, lineage := Head(entries)
		require.Equal(t, e.ID, h.ID)
		require.Len(t, lineage, i+1)
		require.NoError(t, s.Close())
	}
}
