package safetensors

// This file is about copies of tensors that lie in other files.

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// copied copies one tensor to a file with checksums.
func copied(t *testing.T, x Tensor) *File {
	t.Helper()
	return copiedWith(t, x, &WriteOptions{Checksums: true})
}

func copiedWith(t *testing.T, x Tensor, o *WriteOptions) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy")
	w, err := Create(path, []Spec{{"new", x.DType(), x.Shape()}}, o)
	require.NoError(t, err)
	require.NoError(t, w.Copy("new", x))
	require.NoError(t, w.Commit())
	f, err := Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// A slice is copied as what it selects, in one piece or not, and summed as that.
func TestCopyOfASlice(t *testing.T) {
	file := encodedWith(t, []Source{piece("x", U16, 0, 48, 4, 6)}, &WriteOptions{Checksums: true})
	f, err := Open(rewritten(t, t.TempDir(), file), nil)
	require.NoError(t, err)
	defer f.Close()
	for _, ix := range [][]Index{{Range(1, 3)}, {At(3)}, {All(), Range(2, 5)}, {Range(2, 2)}} {
		x, err := tensorOf(t, f, "x").Slice(ix...)
		require.NoError(t, err)
		got := tensorOf(t, copied(t, x), "new")
		require.Equal(t, bytesOf(t, x), bytesOf(t, got))
		stored, err := got.Verify()
		require.NoError(t, err)
		require.True(t, stored)
		// Without a checksum to make, the kernel copies it where it lies in one piece.
		require.Equal(t, bytesOf(t, x), bytesOf(t, tensorOf(t, copiedWith(t, x, nil), "new")))
	}
}

// A copy of damaged bytes keeps the checksum that shows the damage, where the file had one.
func TestCopyKeepsChecksums(t *testing.T) {
	for _, had := range []bool{false, true} {
		file := encodedWith(t, []Source{piece("x", U8, 0, 100, 100)}, &WriteOptions{Checksums: had})
		file[len(file)-1] ^= 1
		path := rewritten(t, t.TempDir(), file)
		for _, o := range []*OpenOptions{nil, {NoMmap: true}} {
			f, err := Open(path, o)
			require.NoError(t, err)
			_, err = tensorOf(t, copied(t, tensorOf(t, f, "x")), "new").Verify()
			if had {
				require.ErrorIs(t, err, ErrChecksum)
			} else {
				require.NoError(t, err)
			}
			require.NoError(t, f.Close())
		}
	}
}

// What the program has changed in memory is what is copied, and its checksum is made anew.
func TestCopyOfChangedMemory(t *testing.T) {
	file := encodedWith(t, []Source{piece("x", U8, 0, 100, 100)}, &WriteOptions{Checksums: true})
	private, err := Open(rewritten(t, t.TempDir(), file), &OpenOptions{CopyOnWrite: true})
	require.NoError(t, err)
	defer private.Close()
	for _, f := range []*File{private, opened(t, file, nil)} {
		x := tensorOf(t, f, "x")
		b, err := x.Bytes()
		require.NoError(t, err)
		b[7] = 200
		got := tensorOf(t, copied(t, x), "new")
		require.Equal(t, byte(200), bytesOf(t, got)[7])
		_, err = got.Verify()
		require.NoError(t, err)
	}
}

// A checksum that is no number is not taken over.
func TestCopyDoesNotKeepNonsense(t *testing.T) {
	for _, text := range []string{"zz", "", "AE8B14860A799888", "1", "0000000000000000ff"} {
		file := encoded(t, map[string]string{"kibisis.crc64nvme.x": text}, piece("x", U8, 0, 100, 100))
		f, err := Open(rewritten(t, t.TempDir(), file), nil)
		require.NoError(t, err)
		stored, err := tensorOf(t, copied(t, tensorOf(t, f, "x")), "new").Verify()
		require.NoError(t, err)
		require.True(t, stored)
		require.NoError(t, f.Close())
	}
}

// A file that somebody cuts short, or that is closed, is an error that names it and spoils
// the copy.
func TestCopyOfAFileCutShort(t *testing.T) {
	file := encoded(t, nil, piece("x", U8, 0, 100, 100))
	for name, o := range map[string]*OpenOptions{"mapped": nil, "unmapped": {NoMmap: true}, "closed": nil} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && name == "mapped" {
				t.Skip("a file that is mapped cannot be cut there")
			}
			from := rewritten(t, t.TempDir(), file)
			f, err := Open(from, o)
			require.NoError(t, err)
			x := tensorOf(t, f, "x")
			if name == "closed" {
				require.NoError(t, f.Close())
			} else {
				require.NoError(t, os.Truncate(from, int64(len(file)-1)))
			}
			for _, summed := range []bool{false, true} {
				path := filepath.Join(t.TempDir(), "copy")
				w, err := Create(path, []Spec{{"new", U8, []int{100}}}, &WriteOptions{Checksums: summed})
				require.NoError(t, err)
				err = w.Copy("new", x)
				requirePlain(t, err)
				require.ErrorContains(t, err, from)
				require.ErrorContains(t, err, `tensor "new"`)
				require.NotErrorIs(t, err, ErrSize)
				commit := w.Commit()
				requirePlain(t, commit)
				require.ErrorContains(t, commit, strings.TrimPrefix(err.Error(), "safetensors: "))
				_, err = os.Stat(path)
				require.ErrorIs(t, err, os.ErrNotExist)
			}
			require.NoError(t, f.Close())
		})
	}
}
