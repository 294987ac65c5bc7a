package store

// These tests list a run whose writer is faster than the reader.

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestAReaderThatIsOutrunListsAgain: that all it saw has been deleted meanwhile does not make a run empty.
func TestAReaderThatIsOutrunListsAgain(t *testing.T) {
	disk := faulty.NewDisk()
	s := threeSaved(t, "/run", &Options{FS: disk.Process()})
	reader := disk.Process()
	r, err := OpenReadOnly("/run", &Options{FS: reader})
	require.NoError(t, err)
	var listed, done bool
	var mu sync.Mutex // entries are read by several goroutines, all of which wait for the writer
	reader.Before(func(op, _ string) {
		mu.Lock()
		defer mu.Unlock()
		if !listed || done {
			listed = op == "readdir"
			return
		}
		done = true
		e, err := save(t.Context(), s, 400)
		require.NoError(t, err)
		_, err = s.Prune(t.Context(), []ID{{1, 100}, {1, 200}, {1, 300}}, []ID{e.ID})
		require.NoError(t, err)
	})
	entries, err := r.List()
	require.NoError(t, err)
	require.True(t, done)
	require.Len(t, entries, 1)
	require.Equal(t, ID{1, 400}, entries[0].ID)
	require.NoError(t, r.Close())
	require.NoError(t, s.Close())
}
