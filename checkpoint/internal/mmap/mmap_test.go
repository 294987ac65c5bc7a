package mmap

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func fileOf(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, content, 0o666))
	return path
}

func open(t *testing.T, path string, copyOnWrite bool) *Mapping {
	t.Helper()
	m, err := Open(path, copyOnWrite)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// pattern is bytes that differ from page to page.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

func TestBytesAreTheFiles(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, 1 << 20} {
		want := pattern(size)
		for _, copyOnWrite := range []bool{false, true} {
			m := open(t, fileOf(t, want), copyOnWrite)
			require.NotNil(t, m.Bytes())
			require.True(t, bytes.Equal(want, m.Bytes()), "size %d", size)
			require.NoError(t, Populate(t.Context(), m.Bytes()))
		}
	}
}

func TestCopyOnWriteLeavesTheFileAlone(t *testing.T) {
	want := pattern(10000)
	path := fileOf(t, want)
	a, b := open(t, path, true), open(t, path, true)
	clear(a.Bytes())
	require.Equal(t, want, b.Bytes())
	require.NoError(t, a.Close())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestCopyOnWriteOfAFileThatCannotBeWritten(t *testing.T) {
	path := fileOf(t, []byte("abc"))
	require.NoError(t, os.Chmod(path, 0o444))
	m := open(t, path, true)
	m.Bytes()[0] = 'x'
	require.Equal(t, "xbc", string(m.Bytes()))
	require.NoError(t, m.Close())
}

func TestCloseTwice(t *testing.T) {
	for _, content := range []string{"", "x"} {
		m, err := Open(fileOf(t, []byte(content)), false)
		require.NoError(t, err)
		require.NoError(t, m.Close())
		require.NoError(t, m.Close())
		require.Nil(t, m.Bytes())
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	_, err := Open(t.TempDir(), false)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = Open(filepath.Join(t.TempDir(), "none"), false)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(os.DevNull, false)
	require.Error(t, err)
}

// TestPopulateAnyPart: b may begin and end anywhere, and need not be mapped at all.
func TestPopulateAnyPart(t *testing.T) {
	m := open(t, fileOf(t, pattern(100_000)), false)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		begin := rng.IntN(100_001)
		end := begin + rng.IntN(100_001-begin)
		require.NoError(t, Populate(t.Context(), m.Bytes()[begin:end]), "[%d:%d)", begin, end)
		if begin < end {
			require.NoError(t, touch(m.Bytes()[begin:end]))
		}
	}
	require.NoError(t, Populate(t.Context(), nil))
	require.NoError(t, Populate(t.Context(), make([]byte, 3)))
}

// lateCancel is done once it has been asked n times.
type lateCancel struct {
	context.Context
	n int
}

func (c *lateCancel) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

// TestPopulateLooksUpBetweenPieces, and says how far it came.
func TestPopulateLooksUpBetweenPieces(t *testing.T) {
	path := fileOf(t, nil)
	require.NoError(t, os.Truncate(path, 2*piece+5)) // holes: costs no room
	m := open(t, path, false)
	require.ErrorIs(t, Populate(&lateCancel{t.Context(), 0}, m.Bytes()), context.Canceled)
	err := Populate(&lateCancel{t.Context(), 2}, m.Bytes())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "fetched 67108864 of 67108869 bytes")
	require.NoError(t, Populate(&lateCancel{t.Context(), 3}, m.Bytes()))
}

func TestGuardLetsOtherPanicsPass(t *testing.T) {
	require.NoError(t, Guard(func() {}))
	require.PanicsWithValue(t, "mine", func() { _ = Guard(func() { panic("mine") }) })
	require.Panics(t, func() {
		var p *int
		_ = Guard(func() { *p = 1 })
	}, "a nil dereference is a mistake in the program")
	require.Panics(t, func() {
		_ = Guard(func() { _ = pattern(1)[len(os.Args)+5] })
	})
}

// TestGuardRestoresTheSetting, whichever it was and however fn ends.
func TestGuardRestoresTheSetting(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(false))
	for _, before := range []bool{false, true} {
		debug.SetPanicOnFault(before)
		require.NoError(t, Guard(func() {}))
		require.Panics(t, func() { _ = Guard(func() { panic(1) }) })
		require.Equal(t, before, debug.SetPanicOnFault(before))
	}
}
