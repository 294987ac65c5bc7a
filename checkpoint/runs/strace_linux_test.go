//go:build amd64 || arm64

package runs

// These tests have strace watch a program that saves, prunes and restores, and compare what the kernel was asked
// to change with what went through the seam of package fsys, where tests can have it fail.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/oplog"
)

const (
	// straced tells the test binary that it is watched, and where it is to work.
	straced = "KIBISIS_RUNS_TEST_STRACED"
	// planted has it write a file past the seam.
	planted = "KIBISIS_RUNS_TEST_PLANTED"
	// mustStrace has tests fail, not skip, where there is no strace, or it may not watch.
	mustStrace = "KIBISIS_STRACE"
)

// watchedCalls are the calls that can change what is on a disk, or hold it: some that nothing uses are there to be missed.
const watchedCalls = "openat,open,creat,openat2,write,pwrite64,writev,pwritev,pwritev2,fallocate,ftruncate,truncate," +
	"rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,mknod,mknodat," +
	"fsync,fdatasync,sync_file_range,chmod,fchmod,fchmodat,chown,fchown,fchownat,utimensat,setxattr,fsetxattr," +
	"copy_file_range,sendfile,splice,ioctl,flock,mmap,msync"

// TestStrace: every call by which a save, a deletion, a rollback and a restore change files is in the log of the seam,
// for each file in the same order.
func TestStrace(t *testing.T) {
	if dir := os.Getenv(straced); dir != "" {
		beWatched(t, dir)
		return
	}
	asked, logged := watch(t)
	require.Empty(t, missing(asked, logged))
	sum := map[string]int{}
	for _, e := range asked {
		sum[e.call]++
	}
	t.Logf("%d calls that change files: %v", len(asked), sum)
	for _, call := range []string{"open", "write", "reserve", "sync", "rename", "link", "remove", "mkdir", "lock"} {
		require.Positive(t, sum[call], call)
	}
}

// TestStraceFindsWhatGoesPast: a file that is written without the seam is missed.
func TestStraceFindsWhatGoesPast(t *testing.T) {
	if dir := os.Getenv(straced); dir != "" {
		beWatched(t, dir)
		return
	}
	asked, logged := watch(t, planted+"=1")
	gone := missing(asked, logged)
	require.Len(t, gone, 2, "%v", gone)
	require.Contains(t, gone[0], "open ")
	require.Contains(t, gone[1], "write ")
	require.Contains(t, gone[1], "/planted")
}

// watch runs the test again, watched, and returns what it asked of the kernel and what it logged.
func watch(t *testing.T, env ...string) (asked, logged []event) {
	t.Helper()
	dir, out := t.TempDir(), t.TempDir()
	trace := filepath.Join(out, "trace")
	cmd := exec.Command("strace", "-f", "-y", "-s", "0", "-o", trace, "-e", "trace=?"+strings.ReplaceAll(watchedCalls, ",", ",?"), "--",
		os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(append(os.Environ(), straced+"="+dir), env...)
	said, err := cmd.CombinedOutput()
	text, readErr := os.ReadFile(trace)
	if os.Getenv(mustStrace) == "" && (cmd.ProcessState == nil || readErr != nil || !strings.Contains(string(text), "openat(")) {
		t.Skip("strace cannot be run here: ", err, string(said))
	}
	require.NoError(t, err, "%s", said)
	require.NoError(t, readErr)
	asked, err = parseTrace(string(text), dir)
	require.NoError(t, err)
	seam, err := os.ReadFile(filepath.Join(dir, "seam"))
	require.NoError(t, err)
	return merge(asked), merge(parseSeam(string(seam)))
}

// beWatched is the program: what it does to the run goes through a recorder, whose log it leaves.
func beWatched(t *testing.T, dir string) {
	rec := oplog.Record(fsys.OS)
	path := filepath.Join(dir, "runs", "test")
	o := func() *Options { return &Options{fs: rec, EverySteps: 1, KeepLast: 2, LinkUnchanged: true} }
	l := newLoop(t, tensor.Float32, 1, adam())
	run := newRun(t, path, o())
	_, err := run.Restore(t.Context(), l.parts()...)
	require.NoError(t, err)
	for step := range int64(5) {
		l.step()
		require.NoError(t, run.Save(t.Context(), step+1, Metrics{"loss": float64(step)}))
	}
	require.NoError(t, run.Save(t.Context(), 6, nil)) // nothing has changed: links
	require.NoError(t, run.Pin(AtStep(5), "good"))
	require.NoError(t, run.Record(5, Metrics{"val_loss": 1}))
	if os.Getenv(planted) != "" {
		require.NoError(t, os.WriteFile(filepath.Join(path, "planted"), []byte("x"), 0o600))
	}
	_, err = run.Rollback(t.Context(), AtStep(5))
	require.NoError(t, err)
	l.step()
	require.NoError(t, run.SaveIfDue(t.Context(), 7, nil))
	require.NoError(t, run.Finish(t.Context()))
	require.NoError(t, run.Close())

	again := newLoop(t, tensor.Float32, 2, adam())
	run = newRun(t, path, o())
	restored, err := run.Restore(t.Context(), again.parts()...)
	require.NoError(t, err)
	require.EqualValues(t, 7, restored.Step)
	require.Equal(t, l.bits(), again.bits())
	require.NoError(t, run.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "seam"), []byte(seamText(rec.Log())), 0o600))
}

// An event is a call that changed something, as both sides tell it: its name, the file, and what to compare besides.
type event struct {
	call, path, to string
	n              int64 // bytes of a write
}

func (e event) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", e.call, e.path, e.to))
}

// merge makes one event of writes that follow each other in one file: the seam may be asked for a piece that
// the kernel takes in two.
func merge(events []event) []event {
	last := map[string]int{} // the event of each file that came last
	var merged []event
	for _, e := range events {
		if i, ok := last[e.path]; ok && e.call == "write" && merged[i].call == "write" {
			merged[i].n += e.n
			continue
		}
		last[e.path] = len(merged)
		merged = append(merged, e)
	}
	return merged
}

// missing is what was asked of the kernel and is not in the log, in the order of each file.
func missing(asked, logged []event) (list []string) {
	left := map[string][]event{}
	for _, e := range logged {
		left[e.path] = append(left[e.path], e)
	}
	for _, e := range asked {
		rest, found := left[e.path], false
		for i, have := range rest {
			if have == e {
				left[e.path], found = rest[i+1:], true
				break
			}
		}
		if !found {
			list = append(list, fmt.Sprintf("%s (%d bytes); left in the log: %v", e, e.n, rest))
		}
	}
	return list
}
