package mmap

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFile: it is the mapped file, as long as the bytes are the file's.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, []byte("abc"), 0o600))
	m, err := Open(path, false)
	require.NoError(t, err)
	require.False(t, m.CopyOnWrite())
	require.Equal(t, canBeCut, m.File() != nil)
	if f := m.File(); f != nil {
		got := make([]byte, 3)
		_, err := f.ReadAt(got, 0)
		require.NoError(t, err)
		require.Equal(t, "abc", string(got))
	}
	require.NoError(t, m.Close())
	require.Nil(t, m.File())

	m, err = Open(path, true)
	require.NoError(t, err)
	require.True(t, m.CopyOnWrite())
	require.Nil(t, m.File(), "the bytes may differ from the file's")
	require.NoError(t, m.Close())
}
