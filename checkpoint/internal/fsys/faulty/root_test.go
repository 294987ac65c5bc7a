package faulty

// These tests are about directories as file systems of their own; real_test.go has that
// calls answer as the system's do.

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

func openRoot(t *testing.T, p *Process, name string) fsys.Root {
	t.Helper()
	r, err := p.OpenRoot(name)
	require.NoError(t, err)
	return r
}

// TestRootIsTheDirectory and not its path.
func TestRootIsTheDirectory(t *testing.T) {
	d := NewDisk()
	d.Mkdir("/runs")
	d.Mkdir("/runs/a")
	p := d.Process()
	r := openRoot(t, p, "/runs/a")
	require.NoError(t, p.Rename("/runs/a", "/old"))
	require.NoError(t, p.Mkdir("/runs/a", 0o755))
	f, err := r.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	require.NoError(t, err)
	write(t, f, "text")
	require.NoError(t, r.Mkdir("d", 0o755))
	require.NoError(t, r.RenameNew("f", "d/g"))
	require.Equal(t, "text", show("/old/d/g")(d))
	require.Empty(t, d.Names("/runs/a"))

	own, err := r.Stat()
	require.NoError(t, err)
	require.True(t, own.IsDir())
	for name, same := range map[string]bool{"/old": true, "/runs/a": false} {
		there, err := p.Lstat(name)
		require.NoError(t, err)
		require.Equal(t, same, r.SameFile(own, there), name)
	}
	require.Equal(t, []string{
		"openroot /runs/a", "rename /runs/a", "mkdir /runs/a", "open /runs/a/f", "write /runs/a/f",
		"mkdir /runs/a/d", "renamenew /runs/a/f", "rootstat /runs/a", "lstat /old", "lstat /runs/a",
	}, sortedTail(p.Trace(), 2))
}

// sortedTail is trace with its last n calls, which came in any order, in the order of names.
func sortedTail(trace []string, n int) []string {
	tail := trace[len(trace)-n:]
	if tail[0] > tail[n-1] {
		tail[0], tail[n-1] = tail[n-1], tail[0]
	}
	return trace
}

// TestFaultsHitRoots: their calls are the process's.
func TestFaultsHitRoots(t *testing.T) {
	d := NewDisk()
	d.Mkdir("/run")
	p := d.Process()
	p.Inject(Fault{Op: "openroot", Call: 1, Kind: FailLate})
	p.Inject(Fault{Op: "mkdir", Err: syscall.ENOSPC})
	p.Inject(Fault{Op: "readdir", Kind: Kill})
	r := openRoot(t, p, "/run")
	_, err := r.OpenRoot(".")
	require.ErrorIs(t, err, syscall.EIO)
	require.Equal(t, 1, d.OpenHandles(), "who got an error has nothing to close")
	require.ErrorIs(t, r.Mkdir("d", 0o755), syscall.ENOSPC)
	_, err = r.ReadDir(".")
	require.ErrorIs(t, err, ErrKilled)
	_, err = r.Stat()
	require.ErrorIs(t, err, ErrKilled)
	require.Zero(t, d.OpenHandles())
}

func TestClosedAndRemovedRoots(t *testing.T) {
	d := NewDisk()
	d.Mkdir("/run")
	p := d.Process()
	r := openRoot(t, p, "/run")
	require.NoError(t, p.Remove("/run"))
	require.ErrorIs(t, r.Mkdir("d", 0o755), os.ErrNotExist, "nothing can be made in what is gone")
	require.NoError(t, p.Mkdir("/run", 0o755))
	require.ErrorIs(t, r.Mkdir("d", 0o755), os.ErrNotExist, "another one of the same name changes nothing")
	require.NoError(t, r.Close())
	_, err := r.ReadDir(".")
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, r.Close(), os.ErrClosed)
}

// TestLacks: a call that is missing says so, in the words that fsys has for it.
func TestLacks(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", []byte("x"))
	d.Lacks("lock", "lockshared", "link", "exchange", "map", "opendirect", "free", "reserve", "syncdir", "evict")
	p := d.Process()
	f, err := p.OpenFile("f", os.O_RDWR, 0)
	require.NoError(t, err)
	for op, err := range map[string]error{
		"lock":       second(f.TryLock()),
		"lockshared": second(f.TryLockShared()),
		"link":       p.Link("f", "g"),
		"exchange":   p.Exchange("f", "f"),
		"opendirect": third(p.OpenDirect("f", os.O_WRONLY)),
		"map":        third(f.Map()),
		"free":       second(p.Free("f")),
	} {
		require.ErrorIs(t, err, errors.ErrUnsupported, op)
	}
	require.NoError(t, f.Reserve(1<<40))
	require.NoError(t, f.Evict())
	require.NoError(t, p.SyncDir("/"))
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

// TestReadOnly disks can be read and locked.
func TestReadOnly(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", []byte("x"))
	d.SetReadOnly(true)
	p := d.Process()
	for op, err := range map[string]error{
		"create": second(p.OpenFile("g", os.O_RDWR|os.O_CREATE, 0o644)),
		"open":   second(p.OpenFile("f", os.O_RDWR, 0)),
		"cut":    second(p.OpenFile("f", os.O_RDONLY|os.O_TRUNC, 0)),
		"mkdir":  p.Mkdir("d", 0o755),
		"remove": p.Remove("f"),
		"rename": p.RenameNew("f", "g"),
	} {
		require.ErrorIs(t, err, syscall.EROFS, op)
	}
	f, err := p.OpenFile("f", os.O_RDONLY|os.O_CREATE, 0o644)
	require.NoError(t, err)
	ok, err := f.TryLockShared()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "x", show("f")(d))
}

// TestSharedLocksGo with their handles, however those end.
func TestSharedLocksGo(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", nil)
	open := func(p *Process) fsys.File {
		f, err := p.OpenFile("f", os.O_RDWR, 0)
		require.NoError(t, err)
		return f
	}
	one, two, writer := d.Process(), d.Process(), d.Process()
	f, g, w := open(one), open(two), open(writer)
	for _, reader := range []fsys.File{f, g} {
		ok, err := reader.TryLockShared()
		require.NoError(t, err)
		require.True(t, ok)
	}
	locked := func() bool {
		ok, err := w.TryLock()
		require.NoError(t, err)
		return ok
	}
	require.False(t, locked())
	one.Kill()
	require.False(t, locked())
	require.NoError(t, g.Close())
	require.True(t, locked())
	ok, err := open(d.Process()).TryLockShared()
	require.NoError(t, err)
	require.False(t, ok)
}

func TestMapIsWhatTheFileHolds(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", []byte("abc"))
	p := d.Process()
	f, err := p.OpenFile("f", os.O_RDONLY, 0)
	require.NoError(t, err)
	data, unmap, err := f.Map()
	require.NoError(t, err)
	require.Equal(t, "abc", string(data))
	require.NoError(t, unmap())
	d.SetCapacity(10)
	n, err := p.Free("/")
	require.NoError(t, err)
	require.Equal(t, int64(7), n)
}
