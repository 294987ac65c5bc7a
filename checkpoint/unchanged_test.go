package checkpoint

// These tests are about loads that fail: every byte of the model is then what it was.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// everyLayout is a model with a value of each layout, and a file that fits it.
func everyLayout(t testing.TB) (Model, []byte) {
	m := map[string]gorgonia.Value{}
	for _, l := range layouts(t) {
		m[l.name] = l.value
	}
	var b bytes.Buffer
	require.NoError(t, WriteModel(t.Context(), &b, FromValues(m), &SaveOptions{Checksums: true}))
	fresh := map[string]gorgonia.Value{}
	for _, l := range layouts(t) {
		fresh[l.name] = l.value
		if d, ok := l.value.(*tensor.Dense); ok {
			clear(d.Raw)
		}
	}
	return FromValues(fresh), b.Bytes()
}

// A moodyReader is a file that fails or acts when a byte is read.
type moodyReader struct {
	file  []byte
	reads atomic.Int64
	// before is called with the range of each read, and its error returned.
	before func(begin, end int64) error
}

func (r *moodyReader) ReadAt(p []byte, off int64) (int, error) {
	r.reads.Add(1)
	if err := r.before(off, off+int64(len(p))); err != nil {
		return 0, err
	}
	if off >= int64(len(r.file)) {
		return 0, io.EOF
	}
	n := copy(p, r.file[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// openMoody opens a file whose header can be read; before is in force after that.
func openMoody(t testing.TB, file []byte, before func(begin, end int64) error) *safetensors.File {
	r := &moodyReader{file: file, before: func(int64, int64) error { return nil }}
	f, err := safetensors.NewFile(r, int64(len(file)), nil)
	require.NoError(t, err)
	r.before = before
	return f
}

func dataStart(file []byte) int { return 8 + int(file[0]) + int(file[1])<<8 + int(file[2])<<16 }

func TestReadFailureAtAnyByte(t *testing.T) {
	m, file := everyLayout(t)
	errMedium := errors.New("the medium failed")
	for k := dataStart(file); k < len(file); k++ {
		f := openMoody(t, file, func(_, end int64) error {
			if int64(k) < end {
				return errMedium
			}
			return nil
		})
		err := refused(t, f, m, nil)
		require.ErrorIs(t, err, errMedium)
		require.ErrorContains(t, err, "read bytes [")
	}
	// And without a failure it loads.
	mustLoad(t, openMoody(t, file, func(int64, int64) error { return nil }), m, nil)
}

// A source that is shorter than it says.
func TestSourceShorterThanItsSize(t *testing.T) {
	m, file := everyLayout(t)
	for k := dataStart(file); k < len(file); k += 3 {
		r := &moodyReader{file: file[:k], before: func(int64, int64) error { return nil }}
		f, err := safetensors.NewFile(r, int64(len(file)), nil)
		require.NoError(t, err)
		require.ErrorIs(t, refused(t, f, m, nil), io.ErrUnexpectedEOF)
	}
}

func TestCancelledLoad(t *testing.T) {
	m, file := everyLayout(t)
	why := errors.New("the user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	before := liveBytes(m)
	f := openMoody(t, file, func(int64, int64) error { return errors.New("read in spite of it") })
	report, err := ReadModel(ctx, f, m, nil)
	require.ErrorIs(t, err, why)
	require.Nil(t, report)
	require.Equal(t, before, liveBytes(m))
}

// TestCancelDuringStaging cancels at the n-th read, for every n there is.
func TestCancelDuringStaging(t *testing.T) {
	m, file := everyLayout(t)
	why := errors.New("the user pressed Ctrl-C")
	for n := int64(1); ; n++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		var reads atomic.Int64
		f := openMoody(t, file, func(int64, int64) error {
			if reads.Add(1) == n {
				cancel(why)
			}
			return nil
		})
		before := liveBytes(m)
		report, err := ReadModel(ctx, f, m, nil)
		cancel(nil)
		if err == nil {
			require.Less(t, reads.Load(), n, "cancelled, and loaded all the same")
			require.Greater(t, n, int64(10), "every tensor is read at least once")
			require.NotNil(t, report)
			return
		}
		require.ErrorIs(t, err, why)
		require.Equal(t, before, liveBytes(m), "cancelled at read %d", n)
	}
}

func TestClosedFile(t *testing.T) {
	m, file := everyLayout(t)
	f, err := safetensors.OpenBytes(file, nil)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.ErrorIs(t, refused(t, f, m, nil), safetensors.ErrClosed)
}

// The last thing to be found out, such as a checksum of the last tensor, comes before
// the first byte.
func TestLastTensorSpoilsTheLoad(t *testing.T) {
	m, file := everyLayout(t)
	for _, at := range []int{dataStart(file), (dataStart(file) + len(file)) / 2, len(file) - 1} {
		bad := bytes.Clone(file)
		bad[at] ^= 0x10
		f, err := safetensors.OpenBytes(bad, nil)
		require.NoError(t, err)
		require.ErrorIs(t, refused(t, f, m, nil), safetensors.ErrChecksum)
	}
}
