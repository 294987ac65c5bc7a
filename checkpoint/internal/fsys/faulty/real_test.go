//go:build unix

package faulty

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// TestSameAsTheRealOne runs random programs on a Disk and on the machine's own file
// system. Every call must answer alike, up to the error number: else a test that
// passes on a Disk proves nothing.
func TestSameAsTheRealOne(t *testing.T) {
	for seed := range uint64(200) {
		d := NewDisk()
		d.Mkdir("/w")
		double := runScript(d.Process(), "/w", rand.New(rand.NewPCG(seed, 2)))
		real := runScript(fsys.OS, t.TempDir(), rand.New(rand.NewPCG(seed, 2)))
		require.Equal(t, real, double, "seed %d", seed)
	}
}

// TestRootsSameAsTheRealOnes is the same for what is below a Root.
func TestRootsSameAsTheRealOnes(t *testing.T) {
	for seed := range uint64(200) {
		d := NewDisk()
		d.Mkdir("/w")
		double := runInRoot(t, d.Process(), "/w", seed)
		real := runInRoot(t, fsys.OS, t.TempDir(), seed)
		require.Equal(t, real, double, "seed %d", seed)
		require.Zero(t, d.OpenHandles())
	}
}

func runInRoot(t *testing.T, fsx fsys.FS, dir string, seed uint64) []string {
	r, err := fsx.OpenRoot(dir)
	require.NoError(t, err)
	answers := runScript(r, ".", rand.New(rand.NewPCG(seed, 3)))
	return append(answers, say("close", r.Close()))
}

// script is a random program: names under dir, and the files that it has open.
type script struct {
	fsys.FS
	dir  string
	rng  *rand.Rand
	open []fsys.File
	from fsys.File // another file, to copy ranges of
}

// runScript makes 60 random calls on a few names under dir and returns what came back.
func runScript(fsx fsys.FS, dir string, rng *rand.Rand) (answers []string) {
	s := &script{FS: fsx, dir: dir, rng: rng}
	var err error
	s.from, err = fsx.OpenFile(filepath.Join(dir, "from"), os.O_RDWR|os.O_CREATE, 0o600)
	answers = append(answers, say("open", err))
	_, err = s.from.Write(bytes.Repeat([]byte("0123456789"), 1000))
	answers = append(answers, say("write", err))
	for range 60 {
		if len(s.open) == 0 || rng.IntN(2) == 0 {
			answers = append(answers, s.callOnName())
		} else {
			answers = append(answers, s.callOnFile())
		}
	}
	for _, f := range s.open {
		answers = append(answers, say("close", f.Close()))
	}
	return append(answers, say("close", s.from.Close()))
}

func (s *script) name() string {
	return filepath.Join(s.dir, []string{"a", "b", "c", "d", "d/x", "a/x", "none/x"}[s.rng.IntN(7)])
}

// target is where a symbolic link points: in a Root that may be out of it.
func (s *script) target() string {
	targets := []string{"a", "d", "d/../c", "../none", "/none"}
	if _, ok := s.FS.(fsys.Root); !ok {
		targets = targets[:3]
	}
	return targets[s.rng.IntN(len(targets))]
}

func (s *script) callOnName() string {
	switch s.rng.IntN(15) {
	case 13:
		r, err := s.OpenRoot(s.name())
		if err == nil {
			names, read := r.ReadDir(".")
			err = errors.Join(read, r.Close())
			return say("openroot", err, names)
		}
		return say("openroot", err)
	case 14:
		n, err := s.Free(s.name())
		return say("free", err, n > 0)
	case 6, 7:
		return say("mkdir", s.Mkdir(s.name(), 0o700))
	case 8:
		return say("renamenew", s.RenameNew(s.name(), s.name()))
	case 9:
		return say("exchange", s.Exchange(s.name(), s.name()))
	case 10:
		return say("link", s.Link(s.name(), s.name()))
	case 11:
		return say("symlink", s.Symlink(s.target(), s.name()))
	case 12:
		d, err := s.OpenDir(s.name())
		if err == nil {
			err = errors.Join(d.Chmod(0o750), d.Close())
		}
		return say("opendir", err)
	case 0:
		return say("rename", s.Rename(s.name(), s.name()))
	case 1:
		return say("remove", s.Remove(s.name()))
	case 2:
		names, err := s.ReadDir(s.dir)
		return say("readdir", err, names)
	case 3:
		return say("lstat", nil, describe(s.Lstat(s.name())))
	}
	flags := []int{
		os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_CREATE | os.O_EXCL,
		os.O_WRONLY | os.O_CREATE | os.O_TRUNC, os.O_WRONLY | os.O_CREATE,
	}
	f, err := s.OpenFile(s.name(), flags[s.rng.IntN(len(flags))], 0o600)
	if err == nil {
		s.open = append(s.open, f)
	}
	return say("open", err)
}

func (s *script) callOnFile() string {
	i := s.rng.IntN(len(s.open))
	f := s.open[i]
	switch s.rng.IntN(11) {
	case 8:
		ok, err := f.TryLockShared()
		return say("lockshared", err, ok)
	case 9:
		data, unmap, err := f.Map()
		if err != nil {
			return say("map", err)
		}
		sum := crc32.ChecksumIEEE(data)
		return say("map", unmap(), len(data), sum)
	case 10:
		return say("evict", f.Evict())
	case 7:
		return say("truncate", f.Truncate(s.rng.Int64N(20000)-100))
	case 0:
		n, err := f.Write(bytes.Repeat([]byte{byte(s.rng.IntN(256))}, s.rng.IntN(10000)))
		return say("write", err, n)
	case 1:
		n, err := f.WriteAt([]byte("0123456789")[:1+s.rng.IntN(9)], s.rng.Int64N(20000))
		return say("writeat", err, n)
	case 2:
		p := make([]byte, 1+s.rng.IntN(10000))
		n, err := f.ReadAt(p, s.rng.Int64N(20000))
		return say("readat", err, n, crc32.ChecksumIEEE(p))
	case 3:
		ok, err := f.TryLock()
		return say("lock", err, ok)
	case 4:
		err := f.CopyRange(s.rng.Int64N(20000), s.from, s.rng.Int64N(10000), 1+s.rng.Int64N(10000))
		return say("copyrange", err)
	case 5:
		err := errors.Join(f.Chmod(0o400), f.Sync(), f.Reserve(100), f.Chmod(0o600))
		return say("file", err, describe(f.Stat()))
	}
	s.open = append(s.open[:i], s.open[i+1:]...)
	return say("close", f.Close())
}

// TestDirectWritesObeyTheRealRules: what is out of line is refused, whatever it is.
func TestDirectWritesObeyTheRealRules(t *testing.T) {
	d := NewDisk()
	d.WriteFile("/f", []byte("old"))
	d.Chmod("/f", 0o600)
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	onDisk, err := directScript(d.Process(), "/f")
	require.NoError(t, err)
	onReal, err := directScript(fsys.OS, path)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no direct writes on this file system")
	}
	require.NoError(t, err)
	if !slices.Contains(onReal, say("direct", syscall.EINVAL)) {
		t.Skip("this file system takes anything (tmpfs)")
	}
	require.Equal(t, onReal, onDisk)
}

// directScript writes two blocks in line, then some that are out of line.
func directScript(fsx fsys.FS, name string) (answers []string, err error) {
	if _, _, err := fsx.OpenDirect(name+"none", os.O_WRONLY); !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, align, err := fsx.OpenDirect(name, os.O_WRONLY)
	if err != nil {
		return nil, err
	}
	b, free, err := fsys.NewBuffer(1 << 20)
	if err != nil {
		return nil, err
	}
	unit := max(align, 4096)
	write := func(p []byte, off int) {
		_, err := f.WriteAt(p, int64(off))
		answers = append(answers, say("direct", err))
	}
	write(b[:2*unit], unit)
	write(b[:unit], 0)
	write(b[:unit], 1)
	write(b[:100], 0)
	write(b[1:unit+1], 0)
	answers = append(answers, describe(f.Stat()), say("close", f.Close()), say("free", free()))
	return answers, nil
}

func describe(info os.FileInfo, err error) string {
	if err != nil {
		return say("", err)
	}
	if info.IsDir() {
		return fmt.Sprint(info.Mode()) // what its size is depends on the file system
	}
	return fmt.Sprint(info.Size(), info.Mode())
}

// say puts an answer into words, of an error only its number.
func say(op string, err error, more ...any) string {
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		return fmt.Sprintf("%s: errno %d", op, number)
	case errors.Is(err, os.ErrInvalid):
		return op + ": invalid"
	case err != nil && strings.Contains(err.Error(), "path escapes"):
		return op + ": escapes"
	case errors.Is(err, io.EOF):
		return fmt.Sprintf("%s: end %v", op, more)
	case err != nil:
		return fmt.Sprintf("%s: %v", op, err)
	}
	return fmt.Sprintf("%s: %v", op, more)
}
