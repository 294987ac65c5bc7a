package crashproof

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestEveryCallFails: each call of each script goes wrong, in every way.
func TestEveryCallFails(t *testing.T) {
	faults := allFaults()
	every := by(293, 127, 11)
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			played := 0
			for i, f := range faults {
				n, err := faulted(t.Context(), &s, f, Failing{Every: every, From: i * 7, Cuts: 2})
				require.NoError(t, err)
				played += n
			}
			t.Logf("%d stories in which a call goes wrong", played)
		})
	}
}

// TestTwoCallsFail: any two calls of a script go wrong, in any ways.
func TestTwoCallsFail(t *testing.T) {
	faults, times := allFaults(), by(3, 10, 300)
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			require.NoError(t, faultedTwice(t.Context(), &s, faults, times, rand.New(rand.NewPCG(4, 4))))
			t.Logf("%d stories in which two calls go wrong", times)
		})
	}
}

// TestLyingSync: each sync returns an error and forgets what it had to write. The next one
// says that all is well.
func TestLyingSync(t *testing.T) {
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			for _, op := range []string{"sync", "syncdir"} {
				for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailLate} {
					n, err := faulted(t.Context(), &s, faulty.Fault{Op: op, Kind: kind, Err: syscall.EIO},
						Failing{Every: by(9, 3, 1), Cuts: by(2, 3, 12)})
					require.NoError(t, err)
					require.NotZero(t, n)
				}
			}
		})
	}
}

// TestWrongReads: each read returns one wrong bit, once, and does not say so. Nobody notices.
func TestWrongReads(t *testing.T) {
	every := by(37, 3, 1)
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			for i, bit := range []int64{0, 101, 203, 1001, 4003, 30011} {
				_, err := faulted(t.Context(), &s, faulty.Fault{Op: "readat", Kind: faulty.Flip, Bit: bit}, Failing{Every: every, From: i})
				require.NoError(t, err)
			}
		})
	}
}

// TestCloseIsPartOfTheResult: a network file system may say only then that it could not write.
func TestCloseIsPartOfTheResult(t *testing.T) {
	s := &scripts[0]
	disk, l := s.stage()
	proc := disk.Process()
	require.NoError(t, s.play(newPlayer(t.Context(), disk, proc, l)))
	closes := 0
	for call, what := range proc.Trace() {
		if opOf(what) != "close" || !strings.Contains(what, tempPrefix) {
			continue
		}
		closes++
		disk, l := s.stage()
		proc := disk.Process()
		proc.Inject(faulty.Fault{Call: call})
		require.ErrorIs(t, s.play(newPlayer(t.Context(), disk, proc, l)), syscall.EIO, what)
	}
	require.Equal(t, 8, closes, "two saves of three files and a manifest")
}
