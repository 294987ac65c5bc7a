package checkpoint

// These tests are about saves that fail; atomic_test.go has those that are killed.

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// A failWriter takes so many bytes.
type failWriter struct{ left int }

var errFull = errors.New("full")

func (w *failWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		n := w.left
		w.left = 0
		return n, errFull
	}
	w.left -= len(p)
	return len(p), nil
}

func TestWriteModelPassesOnErrors(t *testing.T) {
	m := threeParams()
	require.NoError(t, m["a.w"].(*tensor.Dense).T())
	var whole bytes.Buffer
	require.NoError(t, WriteModel(t.Context(), &whole, FromValues(m), nil))
	for left := range whole.Len() {
		require.ErrorIs(t, WriteModel(t.Context(), &failWriter{left}, FromValues(m), nil), errFull)
	}
	require.NoError(t, WriteModel(t.Context(), &failWriter{whole.Len()}, FromValues(m), nil))
}

// Also a tensor that is written in pieces stops when the writer does.
func TestPiecesPassOnErrors(t *testing.T) {
	d := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1024, 1024))
	require.NoError(t, d.T())
	require.ErrorIs(t, WriteModel(t.Context(), &failWriter{3 << 20}, one(d), nil), errFull)
}

func TestCancelledSaveLeavesTheOldFile(t *testing.T) {
	why := errors.New("the user pressed Ctrl-C")
	m := FromValues(map[string]*tensor.Dense{"big": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(10<<20))})
	for _, when := range []string{"before", "during"} {
		path := filepath.Join(t.TempDir(), "m.safetensors")
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
		ctx, cancel := context.WithCancelCause(t.Context())
		if when == "before" {
			cancel(why)
		}
		calls := 0
		err := SaveModel(ctx, path, m, &SaveOptions{Progress: func(done, total int64) {
			if calls++; calls == 2 {
				require.Less(t, done, total)
				cancel(why)
			}
		}})
		cancel(nil)
		require.ErrorIs(t, err, why, when)
		require.ErrorContains(t, err, "checkpoint: save: ")
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "old", string(got))
		onlyFileIn(t, filepath.Dir(path), "m.safetensors")
	}
}

func TestSaveToABadPath(t *testing.T) {
	m := FromValues(threeParams())
	missing := filepath.Join(t.TempDir(), "none", "m.safetensors")
	err := SaveModel(t.Context(), missing, m, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "checkpoint: save: ")
	require.ErrorContains(t, err, missing)
	require.ErrorContains(t, SaveModel(t.Context(), t.TempDir(), m, nil), "a directory")
}
