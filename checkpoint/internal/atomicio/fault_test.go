package atomicio

// These tests run on a disk that fails, fills up, dies and forgets. Where the states are
// few they try all of them.

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

const absent = "" // stands for no file

// Longer than a block of the disk, so that a cut can keep a part.
var (
	oldText = strings.Repeat("old ", 1500)
	newText = strings.Repeat("new!", 2000)
)

// diskWith returns a disk on which m has the given text.
func diskWith(text string) *faulty.Disk {
	d := faulty.NewDisk()
	if text != absent {
		d.WriteFile("m", []byte(text))
		d.Chmod("m", 0o440)
	}
	return d
}

func visible(t *testing.T, d *faulty.Disk) string {
	t.Helper()
	b, err := d.ReadFile("m")
	if errors.Is(err, syscall.ENOENT) {
		return absent
	}
	require.NoError(t, err)
	return string(b)
}

// requireHeals checks that a later save works and leaves nothing else.
func requireHeals(t *testing.T, d *faulty.Disk, story string) {
	t.Helper()
	require.NoError(t, save("m", "later", &Options{FS: d.Process()}), story)
	require.Equal(t, "later", visible(t, d), story)
	require.Equal(t, []string{"m"}, d.Names("/"), story)
}

// byDirect makes a save of the texts above a direct one: three blocks, one sector, a rest.
func byDirect(o Options) Options {
	o.Size, o.directFrom, o.block = int64(len(newText)), 1, 1024
	return o
}

// scenarios are a first save and a replacement, each with and without reserving and with
// direct writes, and one that finds a dead writer's temporary.
func scenarios(t *testing.T, run func(t *testing.T, make func() *faulty.Disk, before string, o Options)) {
	for name, before := range map[string]string{"first": absent, "replace": oldText} {
		for _, size := range []int64{0, int64(len(newText))} {
			t.Run(fmt.Sprintf("%s/size=%d", name, size), func(t *testing.T) {
				run(t, func() *faulty.Disk { return diskWith(before) }, before, Options{Size: size})
			})
		}
	}
	t.Run("direct", func(t *testing.T) {
		run(t, func() *faulty.Disk { return diskWith(oldText) }, oldText, byDirect(Options{}))
	})
	t.Run("leftover", func(t *testing.T) {
		run(t, func() *faulty.Disk {
			d := diskWith(oldText)
			d.WriteFile(tempName("m"), []byte("half"))
			return d
		}, oldText, Options{})
	})
}

// TestEveryCallFails: one call fails, or that one and all after it, in each way that a
// system knows; for every call. Old or new, whole; an error if and only if it is old.
func TestEveryCallFails(t *testing.T) {
	errnos := []syscall.Errno{
		syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES,
		syscall.EMFILE, syscall.ESTALE, syscall.EINTR,
	}
	scenarios(t, func(t *testing.T, stage func() *faulty.Disk, before string, o Options) {
		for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailOn, faulty.FailLate} {
			for _, errno := range errnos {
				everyCall(t, stage, o, faulty.Fault{Kind: kind, Err: errno}, func(d *faulty.Disk, err error, story string) {
					requireOldOrNew(t, d, before, err, story)
					if err != nil {
						require.ErrorIs(t, err, errno, story)
						require.ErrorContains(t, err, `"m"`, story)
					}
					require.Zero(t, d.OpenHandles(), story)
					requireHeals(t, d, story)
				})
			}
		}
	})
}

// everyCall saves newText once for each call that a save makes, with a fault at that call,
// and lets check look at what came of it. The last round has met no fault.
func everyCall(t *testing.T, stage func() *faulty.Disk, o Options, fault faulty.Fault,
	check func(d *faulty.Disk, err error, story string),
) {
	t.Helper()
	for fault.Call = 0; ; fault.Call++ {
		d := stage()
		p := d.Process()
		p.Inject(fault)
		o.FS = p
		err := save("m", newText, &o)
		if p.Calls() <= fault.Call {
			require.NoError(t, err)
			require.Equal(t, newText, visible(t, d))
			require.GreaterOrEqual(t, fault.Call, 12, "a save makes more calls than that")
			return
		}
		check(d, err, fmt.Sprintf("fault %+v at %q: %v", fault, p.Trace()[fault.Call], err))
	}
}

// requireOldOrNew holds the visible file against what the save returned.
func requireOldOrNew(t *testing.T, d *faulty.Disk, before string, err error, story string) {
	t.Helper()
	want := before
	if err == nil || errors.Is(err, ErrUnconfirmed) {
		want = newText
	}
	require.True(t, want == visible(t, d), story)
}

// TestTwoCallsFail tries every pair: an error while cleaning up after an error.
func TestTwoCallsFail(t *testing.T) {
	t.Run("buffered", func(t *testing.T) { twoCallsFail(t, Options{}) })
	t.Run("direct", func(t *testing.T) { twoCallsFail(t, byDirect(Options{})) })
}

func twoCallsFail(t *testing.T, o Options) {
	for first := 0; ; first++ {
		for second := first + 1; ; second++ {
			d := diskWith(oldText)
			p := d.Process()
			p.Inject(faulty.Fault{Call: first, Err: syscall.EIO})
			p.Inject(faulty.Fault{Call: second, Err: syscall.ENOSPC})
			o.FS = p
			err := save("m", newText, &o)
			story := fmt.Sprintf("%d and %d: %v", first, second, err)
			requireOldOrNew(t, d, oldText, err, story)
			require.Zero(t, d.OpenHandles(), story)
			requireHeals(t, d, story)
			if p.Calls() <= first {
				return
			}
			if p.Calls() <= second {
				break
			}
		}
	}
}

// TestNoTemporaryRemains: after one failure everything else still works, so the temporary
// goes. (A leftover of somebody else may stay when its removal fails.)
func TestNoTemporaryRemains(t *testing.T) {
	for _, kind := range []faulty.Kind{faulty.Fail, faulty.Short} {
		for _, o := range []Options{{Size: int64(len(newText))}, byDirect(Options{})} {
			stage := func() *faulty.Disk { return diskWith(oldText) }
			everyCall(t, stage, o, faulty.Fault{Kind: kind}, func(d *faulty.Disk, err error, story string) {
				require.Equal(t, []string{"m"}, d.Names("/"), story)
			})
		}
	}
}

// TestShortWrites: a write that takes less and says nothing must not pass.
func TestShortWrites(t *testing.T) {
	d := diskWith(oldText)
	p := d.Process()
	p.Inject(faulty.Fault{Op: "write", Kind: faulty.Short})
	err := save("m", newText, &Options{FS: p})
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.ErrorContains(t, err, `write "m": 2000 of 4000 bytes`)
	require.Equal(t, oldText, visible(t, d))
}

// TestErrorOfAWriteIsNotForgotten: a caller that ignores it still cannot commit.
func TestErrorOfAWriteIsNotForgotten(t *testing.T) {
	for _, op := range []string{"write", "writeat"} {
		d := diskWith(oldText)
		p := d.Process()
		p.Inject(faulty.Fault{Op: op, Err: syscall.ENOSPC})
		f, err := Create("m", &Options{FS: p})
		require.NoError(t, err)
		_, _ = f.WriteAt([]byte("b"), 1)
		_, _ = f.Write([]byte("a"))
		_, err = f.Write([]byte("c"))
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorIs(t, f.Commit(), syscall.ENOSPC)
		require.NoError(t, f.Close())
		require.Equal(t, oldText, visible(t, d))
		require.Equal(t, []string{"m"}, d.Names("/"))
	}
}

// TestPowerCutAtEveryCall: the program dies before call n and the power goes with it. What
// comes back is old or new, whole, and the next save works.
func TestPowerCutAtEveryCall(t *testing.T) {
	const seeds = 300
	scenarios(t, func(t *testing.T, stage func() *faulty.Disk, before string, o Options) {
		everyCall(t, stage, o, faulty.Fault{Kind: faulty.Kill}, func(d *faulty.Disk, err error, story string) {
			require.ErrorIs(t, err, faulty.ErrKilled, story)
			for seed := range uint64(seeds) {
				after := d.Crash(rand.New(rand.NewPCG(seed, 3)))
				got := visible(t, after)
				require.True(t, got == before || got == newText, "seed %d, %s: %.20q", seed, story, got)
				if seed < 20 {
					requireHeals(t, after, story)
				}
			}
			requireHeals(t, d, story) // the kill alone
		})
	})
}

// TestPowerCutAfterCommit: what was acknowledged stays. Its mode, too.
func TestPowerCutAfterCommit(t *testing.T) {
	scenarios(t, func(t *testing.T, stage func() *faulty.Disk, before string, o Options) {
		d := stage()
		o.FS = d.Process()
		require.NoError(t, save("m", newText, &o))
		for seed := range uint64(2000) {
			after := d.Crash(rand.New(rand.NewPCG(seed, 4)))
			require.True(t, newText == visible(t, after), "seed %d", seed)
			if before != absent {
				mode, err := after.Mode("m")
				require.NoError(t, err)
				require.Equal(t, "-r--r-----", mode.String())
			}
		}
	})
}

// TestPowerCutAfterAFailure: the failed sync of a file may have lost its blocks for good,
// that of a directory leaves the rename in doubt. Neither may bring back a mixture.
func TestPowerCutAfterAFailure(t *testing.T) {
	scenarios(t, func(t *testing.T, stage func() *faulty.Disk, before string, o Options) {
		everyCall(t, stage, o, faulty.Fault{}, func(d *faulty.Disk, err error, story string) {
			for seed := range uint64(100) {
				got := visible(t, d.Crash(rand.New(rand.NewPCG(seed, 5))))
				switch {
				case err == nil:
					require.True(t, got == newText, "seed %d, %s", seed, story)
				case errors.Is(err, ErrUnconfirmed):
					require.True(t, got == before || got == newText, "seed %d, %s", seed, story)
				default:
					require.True(t, got == before, "seed %d, %s", seed, story)
				}
			}
		})
	})
}

// TestCloseIsPartOfTheResult: a network file system may say only at close that it could
// not write, and that must be before the rename.
func TestCloseIsPartOfTheResult(t *testing.T) {
	for _, noSync := range []bool{false, true} {
		d := diskWith(oldText)
		p := d.Process()
		p.Inject(faulty.Fault{Op: "close", Err: syscall.EDQUOT})
		require.ErrorIs(t, save("m", newText, &Options{FS: p, NoSync: noSync}), syscall.EDQUOT)
		require.Equal(t, oldText, visible(t, d))
		require.Equal(t, []string{"m"}, d.Names("/"))
	}
}

// TestTemporaryRemovedBySomebody: it is an error to lose it before the commit, and none to
// find it gone when giving up.
func TestTemporaryRemovedBySomebody(t *testing.T) {
	d := diskWith(oldText)
	for _, end := range []func(*File) error{
		func(f *File) error { return f.Close() },
		func(f *File) error {
			err := f.Commit()
			require.ErrorIs(t, err, syscall.ENOENT)
			require.NotContains(t, err.Error(), "and then")
			return f.Close()
		},
	} {
		f, err := Create("m", &Options{FS: d.Process()})
		require.NoError(t, err)
		require.NoError(t, d.Process().Remove(f.temp.name))
		require.NoError(t, end(f))
		require.Equal(t, oldText, visible(t, d))
		require.Zero(t, d.OpenHandles())
	}
}

// TestUnconfirmed: after the rename there is no way back, and the error says so.
func TestUnconfirmed(t *testing.T) {
	d := diskWith(oldText)
	p := d.Process()
	p.Inject(faulty.Fault{Op: "syncdir"})
	err := save("m", newText, &Options{FS: p})
	require.ErrorIs(t, err, ErrUnconfirmed)
	require.ErrorIs(t, err, syscall.EIO)
	require.ErrorContains(t, err, "in place but may not survive a power cut")
	require.Equal(t, newText, visible(t, d))
}

// TestFullDisk of every size: the save works or fails whole, and never costs the old file.
func TestFullDisk(t *testing.T) {
	need := int64(len(oldText) + len(newText))
	for capacity := int64(len(oldText)); capacity <= need; capacity += 500 {
		for _, size := range []int64{0, int64(len(newText))} {
			d := diskWith(oldText)
			d.SetCapacity(capacity)
			err := save("m", newText, &Options{FS: d.Process(), Size: size})
			if capacity < need {
				require.ErrorIs(t, err, syscall.ENOSPC)
				require.ErrorContains(t, err, `"m"`)
			}
			requireOldOrNew(t, d, oldText, err, fmt.Sprint(capacity))
			require.Equal(t, []string{"m"}, d.Names("/"))
		}
	}
}

// TestFullDiskIsSeenAtOnce: with the size announced, before anything is computed or
// written.
func TestFullDiskIsSeenAtOnce(t *testing.T) {
	d := diskWith(oldText)
	d.SetCapacity(int64(len(oldText)) + 100)
	_, err := Create("m", &Options{FS: d.Process(), Size: 101})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, `create "m": reserve 101 bytes`)
	require.Equal(t, []string{"m"}, d.Names("/"))
}

// TestNoSyncSyncsNothing, which is all that it promises; other programs see old or new.
func TestNoSyncSyncsNothing(t *testing.T) {
	d := diskWith(oldText)
	p := d.Process()
	require.NoError(t, save("m", newText, &Options{FS: p, NoSync: true}))
	require.NotContains(t, strings.Join(p.Trace(), "\n"), "sync")
	everyCall(t, func() *faulty.Disk { return diskWith(oldText) }, Options{NoSync: true}, faulty.Fault{},
		func(d *faulty.Disk, err error, story string) { requireOldOrNew(t, d, oldText, err, story) })
}

// TestWithoutLocks: saving works; what a dead writer left stays, since nobody can tell.
func TestWithoutLocks(t *testing.T) {
	d := diskWith(oldText)
	leftover := tempName("m")
	d.WriteFile(leftover, nil)
	p := d.Process()
	p.Inject(faulty.Fault{Op: "lock", Kind: faulty.FailOn, Err: errors.ErrUnsupported})
	require.NoError(t, save("m", newText, &Options{FS: p}))
	require.Equal(t, newText, visible(t, d))
	require.ElementsMatch(t, []string{"m", leftover}, d.Names("/"))
}
