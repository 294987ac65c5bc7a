package safetensors

// This file holds what all tests build files with.

import (
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A tb is what helpers need of a *testing.T, a *testing.B or a *rapid.T.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
}

// frame makes a file of a header's text and its data.
func frame(text string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, lengthBytes+len(text)+len(data)), uint64(len(text)))
	return append(append(b, text...), data...)
}

// counted returns n bytes, each its own position modulo 256.
func counted(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// encoded returns the file that Encode makes.
func encoded(t tb, metadata map[string]string, src ...Source) []byte {
	t.Helper()
	var w writeBuffer
	require.NoError(t, Encode(&w, src, &WriteOptions{Metadata: metadata}))
	return w
}

// A writeBuffer is memory to write to, without bytes.Buffer's ReadFrom and rest.
type writeBuffer []byte

func (w *writeBuffer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// opened opens a file in memory that must be right.
func opened(t testing.TB, file []byte, o *OpenOptions) *File {
	t.Helper()
	f, err := OpenBytes(file, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// tensorOf returns a tensor that must be there.
func tensorOf(t tb, f *File, name string) Tensor {
	t.Helper()
	x, err := f.Tensor(name)
	require.NoError(t, err)
	return x
}

// bytesOf returns a copy of a tensor's bytes.
func bytesOf(t tb, x Tensor) []byte {
	t.Helper()
	p := make([]byte, x.Size())
	require.NoError(t, x.ReadInto(p))
	return p
}

// A stingyReader gives one byte a call and never an error with it, as some
// sources over networks do against io.ReaderAt's contract.
type stingyReader []byte

func (r stingyReader) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(r)) {
		return 0, io.EOF
	}
	return copy(p[:min(1, len(p))], r[off:]), nil
}

// rewritten writes a file under a new name in dir, which a property test can do
// any number of times.
func rewritten(t tb, dir string, file []byte) string {
	t.Helper()
	f, err := os.CreateTemp(dir, "*.safetensors")
	require.NoError(t, err)
	_, err = f.Write(file)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return f.Name()
}

// skipIfRaced leaves out a test that is slow under the race detector, and has
// nothing for it to find.
func skipIfRaced(t *testing.T) {
	if raced {
		t.Skip("slow, and not concurrent")
	}
}
