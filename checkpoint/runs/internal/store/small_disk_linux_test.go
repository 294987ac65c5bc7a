package store

// These tests fill real disks: file systems in memory of a fixed size, which are mounted in a name space
// of their own, so that nothing of them is left behind.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	// inMounts tells the test binary that it runs where it may mount.
	inMounts = "KIBISIS_STORE_TEST_MOUNTS"
	// mustMount has tests fail, not skip, where nothing can be mounted.
	mustMount = "KIBISIS_MOUNTS"
)

// withMounts starts the test again in a process that may mount, and reports whether this is that process.
func withMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inMounts) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inMounts+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if id := os.Getuid(); id != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil { // it did not start
		if os.Getenv(mustMount) != "" {
			require.NoError(t, err)
		}
		t.Skip("this user may not have mounts of its own: ", err)
	}
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	return false
}

// mount makes a disk of that size in bytes and that many inodes; 0 is no limit.
func mount(t *testing.T, size, inodes int64) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,nr_inodes=%d", size, inodes)))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

func resize(t *testing.T, dir string, size, inodes int64) {
	t.Helper()
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d,nr_inodes=%d", size, inodes)))
}

// stateSize is how many bytes a checkpoint on a small disk has.
const stateSize = 1 << 20

// saveSized saves bytes that are of that step alone, and reports whether any were written.
func saveSized(t *testing.T, s *Store, step int64) (wrote bool, err error) {
	t.Helper()
	b := sized(step)
	p, err := s.Begin(step, map[string]int64{"model.safetensors": stateSize}, 0)
	if err != nil {
		return false, err
	}
	if err := p.Write(t.Context(), "model.safetensors", Data{Bytes: b["model.safetensors"]}); err != nil {
		require.NoError(t, p.Close())
		return true, err
	}
	_, err = p.Commit(t.Context(), &Manifest{})
	return true, err
}

func sized(step int64) map[string][]byte {
	b := make([]byte, stateSize)
	fillLarge(b, step)
	return map[string][]byte{"model.safetensors": b}
}

// requireOldAreWhole looks at all that was saved, and for what ought not to be there.
func requireOldAreWhole(t *testing.T, s *Store, want int) []ID {
	t.Helper()
	entries, err := s.List()
	require.NoError(t, err)
	require.Len(t, entries, want)
	var ids []ID
	for _, e := range entries {
		requireWhole(t, s, e.ID, sized(e.Step))
		ids = append(ids, e.ID)
	}
	require.NoError(t, checkTidy(s.Path()))
	return ids
}

// TestSmallDisks: a disk that has no room for a checkpoint is a *SpaceError before any byte of it is
// written, what is there stays, and with room the next save succeeds, by the same writer.
func TestSmallDisks(t *testing.T) {
	if !withMounts(t) {
		return
	}
	for n := range int64(16) {
		size := stateSize/2 + n*(4*stateSize-stateSize/2)/15
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir := mount(t, size, 0)
			s, err := Open(filepath.Join(dir, "run"), nil)
			require.NoError(t, err)
			_, err = s.GoOn(t.Context(), nil)
			require.NoError(t, err)
			saved := fill(t, s, 0)
			require.LessOrEqual(t, int64(saved)*stateSize, size)
			step := int64(saved)
			if saved > 1 {
				ids := requireOldAreWhole(t, s, saved)
				_, err := s.Prune(t.Context(), ids[:1], ids[1:])
				require.NoError(t, err)
				step++
				_, err = saveSized(t, s, step)
				require.NoError(t, err, "there is room again")
				requireOldAreWhole(t, s, saved)
			}
			resize(t, dir, 16*stateSize, 0)
			_, err = saveSized(t, s, step+1)
			require.NoError(t, err, "the disk has grown")
			requireOldAreWhole(t, s, saved+1)
			require.NoError(t, s.Close())
		})
	}
}

// fill saves until the disk is full, and returns how many checkpoints there are then.
func fill(t *testing.T, s *Store, saved int) int {
	t.Helper()
	for ; ; saved++ {
		wrote, err := saveSized(t, s, int64(saved+1))
		if err == nil {
			continue
		}
		require.False(t, wrote, "the room was reserved before")
		var space *SpaceError
		require.ErrorAs(t, err, &space)
		require.ErrorIs(t, err, ErrNoSpace)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.Greater(t, space.Need, int64(stateSize))
		require.Less(t, space.Free, space.Need)
		requireOldAreWhole(t, s, saved)
		return saved
	}
}

// TestDiskThatIsFull: on a disk without a free byte, a pin, metrics and a rollback fail and leave
// nothing, a new writer can open the run, and deleting works.
func TestDiskThatIsFull(t *testing.T) {
	if !withMounts(t) {
		return
	}
	dir := mount(t, 4*stateSize, 0)
	s, err := Open(filepath.Join(dir, "run"), nil)
	require.NoError(t, err)
	_, err = s.GoOn(t.Context(), nil)
	require.NoError(t, err)
	saved := fill(t, s, 0)
	ids := requireOldAreWhole(t, s, saved)
	first, err := s.Entry(ids[0])
	require.NoError(t, err)
	fillUp(t, filepath.Join(dir, "other"))

	require.ErrorIs(t, s.Pin(ids[0], "best"), syscall.ENOSPC)
	require.ErrorIs(t, s.Record(ids[0], nil), syscall.ENOSPC)
	requireOldAreWhole(t, s, saved)
	_, err = s.Rewind(t.Context(), &first)
	require.ErrorIs(t, err, syscall.ENOSPC)
	requireOldAreWhole(t, s, saved)
	_, err = Open(filepath.Join(dir, "run"), nil)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, s.Close())
	_, err = Open(filepath.Join(dir, "run"), nil)
	require.ErrorIs(t, err, syscall.ENOSPC)
	requireOldAreWhole(t, s2(t, dir), saved)

	require.NoError(t, os.Remove(filepath.Join(dir, "other")))
	s, err = Open(filepath.Join(dir, "run"), nil)
	require.NoError(t, err)
	ids = requireOldAreWhole(t, s, saved)
	_, err = s.Prune(t.Context(), ids[:2], ids[2:])
	require.NoError(t, err)
	_, err = goOn(t.Context(), s)
	require.NoError(t, err)
	_, err = saveSized(t, s, 100)
	require.NoError(t, err)
	requireOldAreWhole(t, s, saved-1)
	require.NoError(t, s.Close())
}

// s2 reads a run.
func s2(t *testing.T, dir string) *Store {
	t.Helper()
	r, err := OpenReadOnly(filepath.Join(dir, "run"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// fillUp makes a file of all room that there is.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
}

// TestDiskWithoutInodes: names can be used up as bytes can.
func TestDiskWithoutInodes(t *testing.T) {
	if !withMounts(t) {
		return
	}
	for inodes := int64(5); inodes < 12; inodes++ {
		t.Run(fmt.Sprint(inodes), func(t *testing.T) {
			dir := mount(t, 64*stateSize, inodes)
			s, err := Open(filepath.Join(dir, "run"), nil)
			require.NoError(t, err)
			_, err = s.GoOn(t.Context(), nil)
			require.NoError(t, err)
			saved := 0
			for err == nil {
				var wrote bool
				if wrote, err = saveSized(t, s, int64(saved+1)); err == nil {
					saved++
				} else {
					require.False(t, wrote)
				}
			}
			require.EqualValues(t, (inodes-4)/3, saved, "each is a directory and two files, beside root, run, lock and claim")
			var space *SpaceError
			require.ErrorAs(t, err, &space)
			require.Greater(t, space.Need, int64(stateSize))
			requireOldAreWhole(t, s, saved)
			resize(t, dir, 64*stateSize, inodes+3)
			_, err = saveSized(t, s, int64(saved+1))
			require.NoError(t, err)
			requireOldAreWhole(t, s, saved+1)
			require.NoError(t, s.Close())
		})
	}
}
