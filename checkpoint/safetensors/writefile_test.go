package safetensors

// This file is about WriteFile, and about what Align changes.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// writtenBy is the file that WriteFile makes.
func writtenBy(t tb, dir string, src []Source, o *WriteOptions) []byte {
	t.Helper()
	path := rewritten(t, dir, []byte("old"))
	require.NoError(t, WriteFile(context.Background(), path, src, o))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	return got
}

// WriteFile writes what Encode does, whether data is in hand or made on the way.
func TestWriteFileGivesTheBytesOfEncode(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		src, o := anySources(rt), anyOptions(rt)
		want := encodedWith(rt, src, o)
		require.Equal(rt, want, writtenBy(rt, dir, src, o))
		for i := range src {
			if rapid.Bool().Draw(rt, "made") {
				src[i].WriteData = inParts(src[i].Data, 1+i*1000)
				src[i].Data = nil
			}
		}
		require.Equal(rt, want, writtenBy(rt, dir, src, o))
	})
	onlyNamed(t, dir, ".safetensors")
}

// largeSources are tensors longer than all buffers, in hand and made.
func largeSources() []Source {
	data := counted(2*pieceBytes + 3)
	return []Source{
		{Name: "made", DType: I32, Shape: []int{largeData}, WriteData: inParts(data[:4*largeData], 100_001)},
		{Name: "in hand", DType: U8, Shape: []int{len(data)}, Data: data},
		{Name: "small", DType: U8, Shape: []int{3}, Data: []byte("abc")},
		{Name: "in hand, too", DType: F32, Shape: []int{largeData}, Data: data[4 : 4+4*largeData]},
	}
}

func TestWriteFileLarge(t *testing.T) {
	for _, checksums := range []bool{false, true} {
		o := &WriteOptions{Checksums: checksums, NoSync: true}
		want := encodedWith(t, largeSources(), o)
		var last int64
		o.Progress = func(done, total int64) {
			require.Greater(t, done, last)
			require.LessOrEqual(t, done-last, int64(pieceBytes))
			require.Equal(t, int64(len(want)), total)
			last = done
		}
		require.True(t, bytes.Equal(want, writtenBy(t, t.TempDir(), largeSources(), o)))
		require.Equal(t, int64(len(want)), last)

		last = 0
		require.True(t, bytes.Equal(want, encodedWith(t, largeSources(), o)), "Progress changes nothing")
		require.Equal(t, int64(len(want)), last, "Encode reports as well")
	}
}

// With checksums, too, WriteData is called once.
func TestWriteFileMakesDataOnce(t *testing.T) {
	calls := 0
	src := []Source{{Name: "x", DType: U8, Shape: []int{3}, WriteData: func(w io.Writer) error {
		calls++
		_, err := w.Write(counted(3))
		return err
	}}}
	writtenBy(t, t.TempDir(), src, &WriteOptions{Checksums: true})
	require.Equal(t, 1, calls)
}

// An end by the context, by WriteData or by a panic leaves the old file, and data that is no
// longer read.
func TestWriteFileThatEndsEarly(t *testing.T) {
	why := errors.New("the user pressed Ctrl-C")
	for name, c := range map[string]struct {
		change func(src []Source, o *WriteOptions, cancel func())
		want   error
	}{
		"cancelled before": {func(_ []Source, _ *WriteOptions, cancel func()) { cancel() }, why},
		"cancelled in between": {func(_ []Source, o *WriteOptions, cancel func()) {
			o.Progress = func(done, total int64) {
				require.Less(t, done, total)
				cancel()
			}
		}, why},
		"WriteData fails": {func(src []Source, _ *WriteOptions, _ func()) {
			src[0].WriteData = func(io.Writer) error { return errCut }
		}, errCut},
		"WriteData is short": {func(src []Source, _ *WriteOptions, _ func()) {
			src[0].WriteData = func(io.Writer) error { return nil }
		}, ErrSize},
		"Progress panics": {func(_ []Source, o *WriteOptions, _ func()) {
			o.Progress = func(int64, int64) { panic(errCut) }
		}, errCut},
		"data is short": {func(src []Source, _ *WriteOptions, _ func()) { src[1].Data = src[1].Data[1:] }, ErrSize},
	} {
		for _, checksums := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "m.safetensors")
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
			ctx, cancel := context.WithCancelCause(t.Context())
			src, o := largeSources(), &WriteOptions{Checksums: checksums}
			c.change(src, o, func() { cancel(why) })
			err := func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						err = p.(error)
					}
				}()
				return WriteFile(ctx, path, src, o)
			}()
			cancel(nil)
			require.ErrorIs(t, err, c.want, name)
			clear(src[1].Data) // which the race detector sees, if it is still read
			requireOld(t, path)
		}
	}
}

// Align moves the data and changes nothing else.
func TestAlign(t *testing.T) {
	src := []Source{piece("w", F32, 0, 24, 2, 3), piece("b", U8, 0, 3, 3)}
	metadata := map[string]string{"k": "v"}
	plain := opened(t, encoded(t, metadata, src...), nil)
	for align := dataAlign; align <= maxAlign; align *= 2 {
		o := &WriteOptions{Metadata: metadata, Align: align}
		file := encodedWith(t, src, o)
		f := opened(t, file, nil)
		require.Zero(t, f.shards[0].h.dataStart()%int64(align))
		require.Less(t, f.shards[0].h.dataStart()-plain.shards[0].h.dataStart(), int64(align), "no more spaces than it takes")
		require.Equal(t, bytes.TrimRight(plain.shards[0].h.text, " "), bytes.TrimRight(f.shards[0].h.text, " "))
		require.Equal(t, metadata, f.Metadata())
		for _, s := range src {
			requireTensor(t, tensorOf(t, f, s.Name), s)
		}
	}
	require.Equal(t, encoded(t, metadata, src...), encodedWith(t, src, &WriteOptions{Metadata: metadata, Align: dataAlign}))
}

// A header that its padding makes too long is refused.
func TestAlignAtTheLimitOfTheHeader(t *testing.T) {
	skipIfRaced(t)
	o := &WriteOptions{Metadata: map[string]string{"k": string(bytes.Repeat([]byte("x"), maxHeader-1000))}, Align: maxAlign}
	requireKind(t, ErrHeaderTooLarge, Encode(io.Discard, nil, o), "padded")
}
