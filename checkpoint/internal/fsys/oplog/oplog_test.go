package oplog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// program is a random one: names in two directories, files and roots that it has open.
type program struct {
	fsx  fsys.FS
	rng  *rand.Rand
	open []fsys.File
}

// run makes calls of all kinds. Whether they work is as random as the rest.
func run(fsx fsys.FS, seed uint64, calls int) {
	p := &program{fsx: fsx, rng: rand.New(rand.NewPCG(seed, 1))}
	_ = fsx.Mkdir("d", 0o755)
	for range calls {
		if len(p.open) > 0 && p.rng.IntN(2) == 0 {
			p.onFile(p.open[p.rng.IntN(len(p.open))])
		} else {
			p.onName()
		}
	}
	for _, f := range p.open {
		_ = f.Close()
	}
}

func (p *program) name() string { return []string{"a", "b", "c", "d/a", "d/b"}[p.rng.IntN(5)] }

func (p *program) onName() {
	switch p.rng.IntN(13) {
	case 0:
		_ = p.fsx.Rename(p.name(), p.name())
	case 1:
		_ = p.fsx.RenameNew(p.name(), p.name())
	case 2:
		_ = p.fsx.Exchange(p.name(), p.name())
	case 3:
		_ = p.fsx.Link(p.name(), p.name())
	case 4:
		_ = p.fsx.Symlink("a", p.name())
	case 5:
		_ = p.fsx.Mkdir(p.name(), 0o755)
	case 6:
		_ = p.fsx.Remove(p.name())
	case 7:
		_ = p.fsx.SyncDir([]string{".", "d"}[p.rng.IntN(2)])
	case 8:
		p.below("d")
	case 9:
		f, err := p.fsx.OpenDir("d")
		p.keep(f, err)
	case 10:
		f, _, err := p.fsx.OpenDirect(p.name(), os.O_WRONLY)
		p.keep(f, err)
	default:
		flag := os.O_RDWR | os.O_CREATE | []int{0, os.O_EXCL, os.O_TRUNC}[p.rng.IntN(3)]
		f, err := p.fsx.OpenFile(p.name(), flag, 0o644)
		p.keep(f, err)
	}
}

// below works in a directory opened as a root.
func (p *program) below(dir string) {
	r, err := p.fsx.OpenRoot(dir)
	if err != nil {
		return
	}
	f, err := r.OpenFile("a", os.O_RDWR|os.O_CREATE, 0o644)
	p.keep(f, err)
	_ = r.RenameNew("a", "r")
	_ = r.Mkdir("e", 0o755)
	_ = r.SyncDir(".")
	_ = r.Close()
}

func (p *program) keep(f fsys.File, err error) {
	if err == nil {
		p.open = append(p.open, f)
	}
}

func (p *program) onFile(f fsys.File) {
	text := bytes.Repeat([]byte{byte(p.rng.IntN(256))}, p.rng.IntN(6000))
	switch p.rng.IntN(9) {
	case 0:
		_, _ = f.Write(text)
	case 1:
		b, free, err := fsys.NewBuffer(4096)
		if err == nil {
			_, _ = f.WriteAt(b, 4096*p.rng.Int64N(2))
			_ = free()
		}
	case 2:
		_ = f.CopyRange(p.rng.Int64N(100), bytes.NewReader(text), 0, int64(len(text)))
	case 3:
		_ = f.Truncate(p.rng.Int64N(6000))
	case 4:
		_ = f.Reserve(p.rng.Int64N(9000))
	case 5:
		_ = f.Chmod([]os.FileMode{0o600, 0o755}[p.rng.IntN(2)])
	case 6:
		_, _ = f.TryLock()
	case 7:
		_ = f.Close()
	default:
		_ = f.Sync()
	}
}

// futures is the states that cuts of d can leave, as a set that others can be held against.
func futures(d *faulty.Disk, seen *faulty.States) (n int) {
	for range d.Cuts(faulty.CutOptions{Max: 300, RNG: rand.New(rand.NewPCG(1, 1)), Seen: seen}) {
		n++
	}
	return n
}

// TestReplayLeavesTheSameDisk: what programs see, what is durable, and what else a cut can
// leave, also when calls of the program fail and it goes on.
func TestReplayLeavesTheSameDisk(t *testing.T) {
	for seed := range uint64(200) {
		d, again := faulty.NewDisk(), faulty.NewDisk()
		p := d.Process()
		for call := range int(seed % 4) {
			p.Inject(faulty.Fault{Call: 10 * (call + 1), Err: syscall.ENOSPC, Op: []string{"", "writeat", "rename"}[call]})
		}
		rec := Record(p)
		run(rec, seed, 60)
		replayed := again.Process()
		require.NoError(t, Replay(rec.Log(), replayed, nil), "seed %d", seed)
		require.Equal(t, tree(d), tree(again), "seed %d", seed)
		require.Equal(t, d.OpenHandles(), again.OpenHandles())
		if seed%4 == 0 { // what a failing sync leaves is not in the log
			var seen faulty.States
			require.NotZero(t, futures(d, &seen))
			require.Zero(t, futures(again, &seen), "seed %d", seed)
		}
	}
}

// tree is what programs see on a disk.
func tree(d *faulty.Disk) string {
	var b strings.Builder
	var list func(dir string)
	list = func(dir string) {
		for _, name := range d.Names(dir) {
			name = dir + "/" + name
			mode, err := d.Mode(name)
			fmt.Fprintln(&b, name, mode, err)
			if mode.IsDir() {
				list(name)
				continue
			}
			content, err := d.ReadFile(name)
			fmt.Fprintf(&b, "%x %v\n", content, err != nil)
		}
	}
	list("")
	return b.String()
}

// TestTheLogIsTheTrace: what the disk saw, less what only looks.
func TestTheLogIsTheTrace(t *testing.T) {
	for seed := range uint64(20) {
		p := faulty.NewDisk().Process()
		rec := Record(p)
		run(rec, seed, 60)
		var calls []string
		for _, op := range rec.Log() {
			path := op.Path()
			if op.Call == "close" && op.Root != 0 {
				path = "d" // the only one that is opened as a root
			}
			calls = append(calls, op.Call+" "+path)
		}
		require.Equal(t, p.Trace(), calls)
	}
}

// TestRecordsOfTheRealSystem can be replayed on a disk in memory.
func TestRecordsOfTheRealSystem(t *testing.T) {
	for seed := range uint64(20) {
		dir := t.TempDir()
		r, err := fsys.OS.OpenRoot(dir)
		require.NoError(t, err)
		rec := Record(r)
		require.NoError(t, rec.Mkdir("run", 0o755))
		f, err := rec.OpenFile("run/f", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		require.NoError(t, err)
		rng := rand.New(rand.NewPCG(seed, 2))
		for range 10 {
			_, err := f.WriteAt(bytes.Repeat([]byte{byte(seed)}, rng.IntN(5000)), rng.Int64N(5000))
			require.NoError(t, err)
		}
		g, err := rec.OpenFile("g", os.O_RDWR|os.O_CREATE, 0o644)
		require.NoError(t, err)
		require.NoError(t, g.CopyRange(0, f, 0, 100))
		require.NoError(t, g.Close())
		require.NoError(t, f.Sync())
		require.NoError(t, f.Close())
		require.NoError(t, rec.RenameNew("run", "done"))
		require.NoError(t, rec.SyncDir("."))
		require.NoError(t, r.Close())

		d := faulty.NewDisk()
		require.NoError(t, Replay(rec.Log(), d.Process(), nil))
		for _, name := range []string{"done/f", "g"} {
			want, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			got, err := d.ReadFile(name)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), name)
		}
	}
}

// TestBeforeEachCall the disk is as the program had it then, and may be looked at.
func TestBeforeEachCall(t *testing.T) {
	rec := Record(faulty.NewDisk().Process())
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, rec.Mkdir(name, 0o755))
	}
	d := faulty.NewDisk()
	var names [][]string
	stop := errors.New("enough")
	err := Replay(rec.Log(), d.Process(), func(i int) error {
		names = append(names, d.Names("/"))
		if i == 2 {
			return stop
		}
		return nil
	})
	require.ErrorIs(t, err, stop)
	require.Equal(t, [][]string{nil, {"a"}, {"a", "b"}}, names)
}

// TestReplayOnAnotherDisk that does not hold what the log starts from ends with an error.
func TestReplayOnAnotherDisk(t *testing.T) {
	d := faulty.NewDisk()
	d.WriteFile("f", nil)
	rec := Record(d.Process())
	require.NoError(t, rec.Rename("f", "g"))
	err := Replay(rec.Log(), faulty.NewDisk().Process(), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "call 0 of 1, rename f g")
	require.Error(t, Replay([]Op{{Call: "write", File: 7, Data: []byte("x")}}, d.Process(), nil))
	require.Error(t, Replay([]Op{{Call: "chdir"}}, d.Process(), nil))
	require.Error(t, Replay([]Op{{Call: "close"}}, d.Process(), nil))
}

// TestManyGoroutines: the log is in the order in which calls took effect, and complete.
func TestManyGoroutines(t *testing.T) {
	d := faulty.NewDisk()
	rec := Record(d.Process())
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				f, err := rec.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
				if err == nil {
					_, _ = f.WriteAt([]byte{byte(i)}, int64(j))
					_ = f.Close()
				}
				_ = rec.Rename("f", fmt.Sprint(i))
			}
		})
	}
	group.Wait()
	require.Len(t, slices.DeleteFunc(rec.Log(), func(op Op) bool { return op.Call != "rename" }), 8*20)
	again := faulty.NewDisk()
	require.NoError(t, Replay(rec.Log(), again.Process(), nil))
	require.Equal(t, tree(d), tree(again))
}

func TestLocksInTheLog(t *testing.T) {
	d := faulty.NewDisk()
	d.WriteFile("f", nil)
	rec := Record(d.Process())
	open := func() fsys.File {
		f, err := rec.OpenFile("f", os.O_RDWR, 0)
		require.NoError(t, err)
		return f
	}
	ok, err := open().TryLock()
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = open().TryLockShared()
	require.NoError(t, err)
	require.False(t, ok)
	var log []string
	for _, op := range rec.Log() {
		log = append(log, op.String())
	}
	require.Equal(t, []string{"open f", "lock f", "open f", "lockshared f: another has the lock"}, log)
}

func TestOpsInWords(t *testing.T) {
	for want, op := range map[string]Op{
		"rename r/a r/b":        {Call: "rename", Name: "a", To: "b", base: "r"},
		"symlink a to":          {Call: "symlink", Name: "a", To: "to"},
		"write f 3":             {Call: "write", Name: "f", Data: make([]byte, 3)},
		"writeat f 3 at 9":      {Call: "writeat", Name: "f", Data: make([]byte, 3), Off: 9},
		"truncate f 5":          {Call: "truncate", Name: "f", Size: 5},
		"chmod f -rw-------":    {Call: "chmod", Name: "f", Mode: 0o600},
		"mkdir d: file exists":  {Call: "mkdir", Name: "d", Err: errors.New("file exists")},
		"remove /elsewhere":     {Call: "remove", Name: "/elsewhere", base: "r"},
		"exchange a b":          {Call: "exchange", Name: "a", To: "b"},
		"reserve f 7":           {Call: "reserve", Name: "f", Size: 7},
		"copyrange f 0 at 4096": {Call: "copyrange", Name: "f", Off: 4096},
	} {
		require.Equal(t, want, op.String())
	}
}
