package atomicio

// These tests are about writing past the page cache. That it keeps the promise of the
// package is tested where everything else is: the scenarios of fault_test.go hold it.

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// randomWrites writes size bytes in pieces of any length, some of them by WriteAt or
// CopyRange before or after their turn, spoils every buffer once it was taken, and returns what the file
// must hold.
func randomWrites(t *testing.T, f *File, size int, rng *rand.Rand) []byte {
	t.Helper()
	want := make([]byte, size)
	at := func(off, n int, write func(p []byte) (int, error)) {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		copy(want[off:], p)
		got, err := write(p)
		require.NoError(t, err)
		require.Equal(t, n, got)
		clear(p)
	}
	patch := func(end int) {
		off := rng.IntN(end)
		at(off, 1+rng.IntN(min(end-off, 300)), func(p []byte) (int, error) {
			if rng.IntN(2) == 0 {
				return len(p), f.CopyRange(int64(off), bytes.NewReader(p), 0, int64(len(p)))
			}
			return f.WriteAt(p, int64(off))
		})
	}
	patches := rng.IntN(3) == 0
	for pos := 0; pos < size; {
		n := min(1+rng.IntN(3*f.opts.block), size-pos)
		at(pos, n, f.Write)
		pos += n
		if patches && rng.IntN(4) == 0 {
			patch(size) // a part ahead of pos will be overwritten, by want as well
		}
	}
	patch(size)
	return want
}

// TestDirectGivesTheBytesWritten, whatever the pieces, on a disk that refuses what is out
// of line and on the machine's own.
func TestDirectGivesTheBytesWritten(t *testing.T) {
	real := filepath.Join(t.TempDir(), "m")
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 6))
		size := 1 + rng.IntN(20000)
		d := faulty.NewDisk()
		want := saveRandomly(t, "m", Options{FS: d.Process(), block: 1024}, size, rng)
		require.True(t, string(want) == visible(t, d), "seed %d", seed)
		want = saveRandomly(t, real, Options{block: 8192}, 8*size, rng)
		require.True(t, string(want) == read(t, real), "seed %d", seed)
	}
}

func saveRandomly(t *testing.T, path string, o Options, size int, rng *rand.Rand) []byte {
	t.Helper()
	o.Size, o.directFrom = int64(size), 1
	f, err := Create(path, &o)
	require.NoError(t, err)
	want := randomWrites(t, f, size, rng)
	require.NoError(t, f.Commit())
	return want
}

// TestDirectIsUsed: all but what is out of line, and only where it pays and is wanted.
func TestDirectIsUsed(t *testing.T) {
	count := func(o Options) map[string]int {
		p := diskWith(oldText).Process()
		o.FS = p
		require.NoError(t, save("m", newText, &o))
		calls := map[string]int{}
		for _, call := range p.Trace() {
			calls[strings.Fields(call)[0]]++
		}
		return calls
	}
	calls := count(byDirect(Options{}))
	require.Equal(t, 4, calls["writedirect"], "three blocks and a sector")
	require.Equal(t, 2, calls["writeat"], "the second half, and what is left of the first")
	require.Zero(t, calls["write"])
	for _, o := range []Options{
		{},
		{Size: int64(len(newText))},
		byDirect(Options{NoSync: true}),
		{Size: int64(len(newText)), directFrom: int64(len(newText)) + 1},
	} {
		require.Zero(t, count(o)["opendirect"])
	}
}

// TestDirectRefused at any moment: everything goes the ordinary way from there on.
func TestDirectRefused(t *testing.T) {
	for _, refusal := range []error{syscall.EINVAL, errors.ErrUnsupported} {
		for _, op := range []string{"opendirect", "truncate", "writedirect"} {
			for n := range 5 {
				d := diskWith(oldText)
				p := d.Process()
				p.Inject(faulty.Fault{Op: op, Call: n, Kind: faulty.FailOn, Err: refusal})
				o := byDirect(Options{FS: p})
				f, err := Create("m", &o)
				require.NoError(t, err)
				want := randomWrites(t, f, int(o.Size), rand.New(rand.NewPCG(uint64(n), 7)))
				require.NoError(t, f.Commit(), "%s %d", op, n)
				require.True(t, string(want) == visible(t, d), "%s %d", op, n)
				require.Zero(t, d.OpenHandles())
			}
		}
	}
}

// TestDirectErrorsComeLate, and not too late: no later than Commit.
func TestDirectErrorsComeLate(t *testing.T) {
	for _, kind := range []faulty.Kind{faulty.Fail, faulty.Short} {
		d := diskWith(oldText)
		p := d.Process()
		p.Inject(faulty.Fault{Op: "writedirect", Kind: kind, Err: syscall.ENOSPC})
		o := byDirect(Options{FS: p})
		f, err := Create("m", &o)
		require.NoError(t, err)
		_, err = f.Write([]byte(newText[:o.block]))
		require.NoError(t, err, "the bytes were taken")
		_, err1 := f.Write([]byte(newText[o.block:]))
		err2 := f.Commit()
		require.Error(t, err2)
		if kind == faulty.Fail {
			require.ErrorIs(t, err2, syscall.ENOSPC)
		}
		if err1 != nil {
			require.ErrorContains(t, err1, `write "m"`)
		}
		require.Equal(t, oldText, visible(t, d))
		require.Equal(t, []string{"m"}, d.Names("/"))
		require.Zero(t, d.OpenHandles())
	}
}

// TestDirectGivenUp with writes under way.
func TestDirectGivenUp(t *testing.T) {
	d := diskWith(oldText)
	o := byDirect(Options{FS: d.Process()})
	f, err := Create("m", &o)
	require.NoError(t, err)
	_, err = f.Write([]byte(newText[:5000]))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, []string{"m"}, d.Names("/"))
	require.Zero(t, d.OpenHandles())
}

// TestDirectNeverWritesToAnotherFile that has come to have the temporary's name.
func TestDirectNeverWritesToAnotherFile(t *testing.T) {
	d := diskWith(oldText)
	p := d.Process()
	foreign := ""
	p.Before(func(op, name string) {
		if op == "opendirect" {
			foreign = name
			d.WriteFile(name, []byte("somebody's"))
		}
	})
	o := byDirect(Options{FS: p})
	_ = save("m", newText, &o) // renames what has the name, as it always did
	require.NotEmpty(t, foreign)
	require.NotContains(t, strings.Join(p.Trace(), "\n"), "writedirect")
}

// TestDirectOnThisMachine saves a file of the real limit and block size.
func TestDirectOnThisMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	content := make([]byte, directFrom+blockSize+12345)
	rng := rand.New(rand.NewPCG(8, 8))
	for i := 0; i < len(content); i += 16 {
		content[i] = byte(rng.Uint32())
	}
	f, err := Create(path, &Options{Size: int64(len(content))})
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Write(content[:1234])
	require.NoError(t, err)
	if f.direct == nil {
		t.Skip("no direct writes on this file system")
	}
	_, err = f.Write(content[1234:])
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("header"), 0)
	require.NoError(t, err)
	copy(content, "header")
	require.NoError(t, f.Commit())
	require.True(t, string(content) == read(t, path))
}
