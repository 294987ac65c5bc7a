package faulty

// This file is power cuts, and what else a disk does that no call fails of.

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

const seeds = 400 // cuts tried of one moment

func create(t *testing.T, p *Process, name string) fsys.File {
	t.Helper()
	f, err := p.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	require.NoError(t, err)
	return f
}

func write(t *testing.T, f fsys.File, s string) {
	t.Helper()
	_, err := f.Write([]byte(s))
	require.NoError(t, err)
}

// outcomes cuts the power many times and counts what is left, as see puts it.
func outcomes(d *Disk, see func(after *Disk) string) map[string]int {
	seen := map[string]int{}
	for seed := range uint64(seeds) {
		seen[see(d.Crash(rand.New(rand.NewPCG(seed, 1))))]++
	}
	return seen
}

// show returns a file's content, or "-" if there is none.
func show(name string) func(*Disk) string {
	return func(d *Disk) string {
		b, err := d.ReadFile(name)
		if err != nil {
			return "-"
		}
		return string(b)
	}
}

func TestSyncedDataAndEntriesAlwaysLast(t *testing.T) {
	d := NewDisk()
	p := d.Process()
	f := create(t, p, "f")
	write(t, f, "hello")
	require.NoError(t, f.Sync())
	require.NoError(t, p.SyncDir("."))
	require.Equal(t, map[string]int{"hello": seeds}, outcomes(d, show("f")))
}

func TestUnsyncedEntriesMayGo(t *testing.T) {
	d := NewDisk()
	f := create(t, d.Process(), "f")
	write(t, f, "hello")
	require.NoError(t, f.Sync()) // of the file, which is not of its name
	seen := outcomes(d, show("f"))
	require.NotZero(t, seen["-"])
	require.NotZero(t, seen["hello"])
	require.Len(t, seen, 2)
}

// TestUnsyncedDataMayBeAnything: kept, lost, short, zeros, junk and mixed all come up.
func TestUnsyncedDataMayBeAnything(t *testing.T) {
	d := NewDisk()
	old, now := bytes.Repeat([]byte("o"), 3*blockSize), bytes.Repeat([]byte("n"), 3*blockSize)
	d.WriteFile("f", old)
	f, err := d.Process().OpenFile("f", os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(now, 0)
	require.NoError(t, err)
	seen := outcomes(d, func(after *Disk) string { return classify(show("f")(after), 3*blockSize) })
	for _, kind := range []string{"all n", "all o", "all \x00", "mixed"} {
		require.NotZero(t, seen[kind], "never seen: %q in %v", kind, seen)
	}
	require.NoError(t, f.Sync())
	require.Equal(t, map[string]int{"all n": seeds},
		outcomes(d, func(after *Disk) string { return classify(show("f")(after), 3*blockSize) }))
}

// TestDirectWritesAreNotDurableEither before a Sync, which may be of another handle.
func TestDirectWritesAreNotDurableEither(t *testing.T) {
	b, free, err := fsys.NewBuffer(blockSize)
	require.NoError(t, err)
	defer func() { require.NoError(t, free()) }()
	for i := range b {
		b[i] = 'n'
	}
	d := NewDisk()
	d.WriteFile("f", bytes.Repeat([]byte("o"), blockSize))
	p := d.Process()
	direct, align, err := p.OpenDirect("f", os.O_WRONLY)
	require.NoError(t, err)
	require.Equal(t, sectorSize, align)
	_, err = direct.WriteAt(b, 0)
	require.NoError(t, err)
	see := func(after *Disk) string { return classify(show("f")(after), blockSize) }
	seen := outcomes(d, see)
	for _, kind := range []string{"all n", "all o", "mixed"} {
		require.NotZero(t, seen[kind], "never seen: %q in %v", kind, seen)
	}
	f, err := p.OpenFile("f", os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.Equal(t, map[string]int{"all n": seeds}, outcomes(d, see))
}

// TestGrowthMayShowAsZerosOrNotAtAll includes the case that a reserved file comes back
// with its full length and nothing in it.
func TestGrowthMayShowAsZerosOrNotAtAll(t *testing.T) {
	const size = 2 * blockSize
	d := NewDisk()
	p := d.Process()
	f := create(t, p, "f")
	require.NoError(t, p.SyncDir("/"))
	require.NoError(t, f.Reserve(size))
	write(t, f, "n")
	seen := outcomes(d, func(after *Disk) string { return classify(show("f")(after), size) })
	for _, kind := range []string{"empty", "all \x00", "short"} {
		require.NotZero(t, seen[kind], "never seen: %q in %v", kind, seen)
	}
}

func classify(s string, size int) string {
	switch {
	case s == "":
		return "empty"
	case len(s) < size:
		return "short"
	case s == string(bytes.Repeat([]byte(s[:1]), size)):
		return fmt.Sprintf("all %s", s[:1])
	}
	return "mixed"
}

// TestFailedSyncIsNotRepairedByTheNext: pages count as clean after the failure.
func TestFailedSyncIsNotRepairedByTheNext(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", []byte("old"))
	p := d.Process()
	p.Inject(Fault{Op: "sync"})
	f, err := p.OpenFile("f", os.O_RDWR, 0)
	require.NoError(t, err)
	write(t, f, "new")
	require.ErrorIs(t, f.Sync(), syscall.EIO)
	require.NoError(t, f.Sync())
	require.Equal(t, map[string]int{"old": seeds}, outcomes(d, show("f")))
}

func TestRenameIsOldOrNewAndNeverLosesAFile(t *testing.T) {
	d := NewDisk()
	d.WriteFile("tmp", []byte("new"))
	d.WriteFile("f", []byte("old"))
	p := d.Process()
	require.NoError(t, p.Rename("tmp", "f"))
	both := func(after *Disk) string { return show("f")(after) + " " + show("tmp")(after) }
	seen := outcomes(d, both)
	require.NotZero(t, seen["old new"])
	require.NotZero(t, seen["new -"])
	require.NotZero(t, seen["new new"], "the old name may outlive the step")
	require.Len(t, seen, 3)
	require.NoError(t, p.SyncDir("/"))
	require.Equal(t, map[string]int{"new -": seeds}, outcomes(d, both))
}

// TestRenameAcrossDirectories: syncing the directory that lost the name may not lose
// the file.
func TestRenameAcrossDirectories(t *testing.T) {
	d := NewDisk()
	d.Mkdir("a")
	d.Mkdir("b")
	d.WriteFile("a/f", []byte("x"))
	p := d.Process()
	require.NoError(t, p.Rename("a/f", "b/f"))
	require.NoError(t, p.SyncDir("a"))
	require.Equal(t, map[string]int{"x": seeds}, outcomes(d, show("b/f")))
}

// TestLaterDurableChangeIsNotUndone: a change made durable by another directory's sync
// overtakes older ones to the same name.
func TestLaterDurableChangeIsNotUndone(t *testing.T) {
	d := NewDisk()
	d.Mkdir("a")
	d.Mkdir("b")
	d.WriteFile("a/new", []byte("new"))
	p := d.Process()
	write(t, create(t, p, "b/f"), "old")
	require.NoError(t, p.Rename("a/new", "b/f"))
	require.NoError(t, p.SyncDir("a"))
	require.Equal(t, map[string]int{"new": seeds}, outcomes(d, show("b/f")))
}

// TestDirectoriesMoveWhole: what a checkpoint of several files relies on.
func TestDirectoriesMoveWhole(t *testing.T) {
	d := NewDisk()
	d.Mkdir("tmp")
	p := d.Process()
	f := create(t, p, "tmp/f")
	write(t, f, "x")
	require.NoError(t, f.Sync())
	require.NoError(t, p.SyncDir("tmp"))
	require.NoError(t, p.Rename("tmp", "step"))
	require.NoError(t, p.SyncDir("/"))
	require.Equal(t, map[string]int{"x": seeds}, outcomes(d, show("step/f")))
}

func TestCrashIsRepeatableAndLeavesTheDisk(t *testing.T) {
	d := NewDisk()
	p := d.Process()
	for i := range 20 {
		write(t, create(t, p, fmt.Sprintf("f%d", i)), "data")
	}
	image := func() string {
		after := d.Crash(rand.New(rand.NewPCG(7, 7)))
		s := fmt.Sprint(after.Names("/"))
		for _, name := range after.Names("/") {
			s += show(name)(after)
		}
		return s
	}
	first := image()
	for range 20 {
		require.Equal(t, first, image())
	}
	require.Len(t, d.Names("/"), 20)
}

func TestLinksAreFollowedAsTheKernelDoes(t *testing.T) {
	d := NewDisk()
	d.Mkdir("/a")
	d.Mkdir("/a/b")
	d.WriteFile("/a/f", []byte("x"))
	d.Symlink("a/b", "/dir")
	d.Symlink("../f", "/a/b/link")
	d.Symlink("/dir/link", "/abs")
	d.Symlink("loop", "/loop")
	require.Equal(t, "x", show("/dir/link")(d))
	require.Equal(t, "x", show("/dir/../f")(d), ".. is of the directory, not of the path")
	require.Equal(t, "x", show("/abs")(d))
	_, err := d.ReadFile("/loop")
	require.ErrorIs(t, err, syscall.ELOOP)
}

func TestReadAt(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", []byte("abcdef"))
	f, err := d.Process().OpenFile("f", os.O_RDONLY, 0)
	require.NoError(t, err)
	got, err := io.ReadAll(io.NewSectionReader(f, 1, 100))
	require.NoError(t, err)
	require.Equal(t, "bcdef", string(got))
	_, err = f.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EBADF)
}

func TestModesAreAskedWhenOpening(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", nil)
	p := d.Process()
	for mode, want := range map[os.FileMode][3]bool{ // read, write, both
		0o600: {true, true, true}, 0o400: {true, false, false}, 0o200: {false, true, false}, 0o066: {},
	} {
		d.Chmod("f", mode)
		for i, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
			_, err := p.OpenFile("f", flag, 0)
			require.Equal(t, want[i], err == nil, "mode %v, flag %d: %v", mode, flag, err)
		}
	}
}

func TestModeLastsOnlyWhenSynced(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", nil)
	f, err := d.Process().OpenFile("f", os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, f.Chmod(0o400))
	mode := func(after *Disk) string { return must(after.Mode("f")).String() }
	seen := outcomes(d, mode)
	require.NotZero(t, seen["-rw-r--r--"])
	require.NotZero(t, seen["-r--------"])
	require.NoError(t, f.Sync())
	require.Equal(t, map[string]int{"-r--------": seeds}, outcomes(d, mode))
}

func TestTruncatedAndWrittenAgain(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", bytes.Repeat([]byte("o"), 2*blockSize))
	f, err := d.Process().OpenFile("f", os.O_RDWR|os.O_TRUNC, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("n"), blockSize) // leaves a hole where old bytes were
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	want := append(make([]byte, blockSize), 'n')
	require.Equal(t, map[string]int{string(want): seeds}, outcomes(d, show("f")))
	require.True(t, slices.Equal(want, []byte(show("f")(d))))
}

// TestCopyRangeGoesWrongAsAWriteDoes: it can fail, tear, fill the disk, and end early.
func TestCopyRangeGoesWrongAsAWriteDoes(t *testing.T) {
	d := NewDisk()
	d.WriteFile("from", []byte("abcdef"))
	p := d.Process()
	p.Inject(Fault{Op: "copyrange", Call: 1, Err: syscall.EDQUOT})
	from, err := p.OpenFile("from", os.O_RDONLY, 0)
	require.NoError(t, err)
	f := create(t, p, "f")
	require.NoError(t, f.CopyRange(1, from, 2, 3))
	require.Equal(t, "\x00cde", show("f")(d))
	require.ErrorIs(t, f.CopyRange(0, from, 0, 4), syscall.EDQUOT)
	require.Equal(t, "abde", show("f")(d), "a failing copy leaves half")
	require.ErrorIs(t, f.CopyRange(4, from, 4, 3), io.ErrUnexpectedEOF)
	require.Equal(t, "abdeef", show("f")(d))
	d.SetCapacity(14)
	require.ErrorIs(t, f.CopyRange(6, from, 0, 6), syscall.ENOSPC)
	require.Equal(t, "abdeefab", show("f")(d))
	require.ErrorIs(t, from.CopyRange(0, f, 0, 1), syscall.EBADF)
}
