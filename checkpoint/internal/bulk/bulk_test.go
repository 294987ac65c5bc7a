package bulk

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// ways are the functions that have to do the same.
var ways = map[string]func(dst, src []byte){"Copy": Copy, "Stream": Stream, "streamPiece": streamPiece}

// noise returns n bytes of which no two stretches are alike.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// requireCopies requires that copyTo gives the n bytes of from at offset s to into at offset
// d, and changes nothing around them.
func requireCopies(t *testing.T, copyTo func(dst, src []byte), into []byte, d int, from []byte, s, n int) {
	t.Helper()
	const guard = 256 // no store of any loop is wider
	around := into[max(d-guard, 0):min(d+n+guard, len(into))]
	for i := range around {
		around[i] = 0xee
	}
	want := bytes.Clone(around)
	copy(want[min(d, guard):], from[s:s+n])
	copyTo(into[d:d+n], from[s:s+n])
	if !bytes.Equal(want, around) {
		require.Failf(t, "wrong bytes", "%d bytes from offset %d to offset %d", n, s, d)
	}
}

// Every length up to some runs of the loops, and those around each unit that they work in.
func TestEveryLength(t *testing.T) {
	lengths := make([]int, 0, 800)
	for n := range 601 {
		lengths = append(lengths, n)
	}
	for _, unit := range []int{4 << 10, 16 << 10, 32 << 10, least, 128 << 10, piece, piece + 16<<10, 2 * piece} {
		for _, off := range []int{-257, -64, -1, 0, 1, 63, 64, 65, 255, 256, 257, 319, 320} {
			lengths = append(lengths, unit+off)
		}
	}
	from, into := noise(3*piece), make([]byte, 3*piece)
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			for _, n := range lengths {
				requireCopies(t, way, into, 300, from, 500, n)
			}
		})
	}
}

// Every place of source and destination in a line, and many in a page, through both loops:
// which one runs hangs on the distance.
func TestEveryAlignment(t *testing.T) {
	const n = 20_000 // a block of pages, then runs, then a rest
	from, into := noise(8*n), make([]byte, 8*n)
	for s := range 64 {
		for d := range 64 {
			requireCopies(t, streamPiece, into, d, from, s, n)
		}
	}
	for s := 0; s < 4096; s += 56 {
		requireCopies(t, streamPiece, into, 300, from, s, n)
		requireCopies(t, Stream, into, 300, from, s, least)
	}
}

// A destination that is too short is the caller's mistake, found before anything is written.
func TestShortDestination(t *testing.T) {
	for name, way := range ways {
		for _, n := range []int{4, least, piece + 1} {
			src, dst := bytes.Repeat([]byte{1}, n), make([]byte, n-1, n)
			require.Panics(t, func() { way(dst[:n-1:n-1], src) }, "%s of %d bytes", name, n)
			require.Equal(t, make([]byte, n-1), dst, name)
		}
	}
}

func TestCopiesAllocateNothing(t *testing.T) {
	src, dst := make([]byte, 3*piece), make([]byte, 3*piece)
	for name, way := range ways {
		require.Zero(t, testing.AllocsPerRun(3, func() { way(dst, src) }), name)
	}
}
