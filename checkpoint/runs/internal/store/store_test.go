package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// onEachDisk runs a test on the system's files and on the disk in memory.
func onEachDisk(t *testing.T, test func(t *testing.T, o *Options, path string)) {
	t.Run("system", func(t *testing.T) {
		test(t, &Options{FS: fsys.OS}, filepath.Join(t.TempDir(), "runs", "mnist"))
	})
	t.Run("memory", func(t *testing.T) {
		test(t, &Options{FS: faulty.NewDisk().Process()}, "/runs/mnist")
	})
}

// content is two files that differ from step to step.
func content(step int64) map[string][]byte {
	return map[string][]byte{
		"model.safetensors": fmt.Appendf(nil, "weights of step %d", step),
		"state.json":        fmt.Appendf(nil, `{"step": %d}`, step),
	}
}

// save commits content(step).
func save(ctx context.Context, s *Store, step int64) (Entry, error) {
	files := content(step)
	sizes := map[string]int64{}
	for name, b := range files {
		sizes[name] = int64(len(b))
	}
	p, err := s.Begin(step, sizes, 0)
	if err != nil {
		return Entry{}, err
	}
	for name, b := range files {
		if err := p.Write(ctx, name, Data{Bytes: b}); err != nil {
			_ = p.Close() // the error is the write's
			return Entry{}, err
		}
	}
	return p.Commit(ctx, &Manifest{Kind: "test"})
}

// head is the newest checkpoint, verified.
func head(t *testing.T, s *Store) *Entry {
	t.Helper()
	entries, err := s.List()
	require.NoError(t, err)
	h, _ := Head(entries)
	if h != nil {
		verify(t, s, h.ID)
	}
	return h
}

func verify(t *testing.T, s *Store, id ID) {
	t.Helper()
	c, err := s.Checkpoint(id)
	require.NoError(t, err)
	require.NoError(t, c.Verify(t.Context()))
	for name, want := range content(id.Step) {
		got, err := c.ReadAll(name)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
	require.NoError(t, c.Close())
}

func TestARunIsSavedAndFoundAgain(t *testing.T) {
	onEachDisk(t, func(t *testing.T, o *Options, path string) {
		ctx := t.Context()
		s, err := Open(path, o)
		require.NoError(t, err)
		_, err = s.GoOn(ctx, nil)
		require.NoError(t, err)
		for _, step := range []int64{100, 200, 300} {
			_, err := save(ctx, s, step)
			require.NoError(t, err)
		}
		_, err = save(ctx, s, 300)
		require.ErrorIs(t, err, ErrStep)
		require.NoError(t, s.Close())

		s, err = Open(path, o)
		require.NoError(t, err)
		require.EqualValues(t, 2, s.Generation())
		h := head(t, s)
		require.Equal(t, ID{1, 300}, h.ID)
		_, err = s.GoOn(ctx, h)
		require.NoError(t, err)
		_, err = save(ctx, s, 400)
		require.NoError(t, err)

		entries, err := s.List()
		require.NoError(t, err)
		h, lineage := Head(entries)
		require.Equal(t, ID{2, 400}, h.ID)
		require.Len(t, lineage, 4)
		require.Equal(t, Lineage{{1, 300}}, h.Manifest.Lineage)

		deleted, err := s.Prune(ctx, []ID{{1, 100}, {1, 200}}, []ID{{1, 300}, {2, 400}})
		require.NoError(t, err)
		require.Len(t, deleted, 2)
		require.NoError(t, s.Close())
	})
}

func TestGoingBackMakesANewHead(t *testing.T) {
	onEachDisk(t, func(t *testing.T, o *Options, path string) {
		ctx := t.Context()
		s, err := Open(path, o)
		require.NoError(t, err)
		_, err = s.GoOn(ctx, nil)
		require.NoError(t, err)
		for _, step := range []int64{100, 200, 300} {
			_, err := save(ctx, s, step)
			require.NoError(t, err)
		}
		old, err := s.Entry(ID{1, 200})
		require.NoError(t, err)
		_, err = s.GoOn(ctx, &old)
		require.ErrorContains(t, err, "was not read back")
		verify(t, s, old.ID)
		h, err := s.GoOn(ctx, &old)
		require.NoError(t, err)
		require.Equal(t, ID{2, 200}, h.ID)
		require.Equal(t, old.String(), h.Manifest.RestoredFrom)
		require.NoError(t, s.Close())

		s, err = Open(path, o)
		require.NoError(t, err)
		require.Equal(t, ID{2, 200}, head(t, s).ID, "killed before its first save, the run is still back")
		entries, err := s.List()
		require.NoError(t, err)
		_, lineage := Head(entries)
		require.Len(t, lineage, 3, "100 and 200 of the first writer, and the new head")
		require.NoError(t, s.Close())
	})
}

func TestASecondWriterIsKeptOut(t *testing.T) {
	onEachDisk(t, func(t *testing.T, o *Options, path string) {
		s, err := Open(path, o)
		require.NoError(t, err)
		_, err = Open(path, o)
		require.ErrorIs(t, err, ErrLocked)
		var locked *LockedError
		require.ErrorAs(t, err, &locked)
		require.NotZero(t, locked.Holder.PID)
		r, err := OpenReadOnly(path, o)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.NoError(t, s.Close())
		s, err = Open(path, o)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	})
}
