package atomicio

// These tests let a second program act at the worst moment of the first.

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestSecondWriterAtEveryCall: before call n of one writer, another one does a whole save.
// Both succeed, and the one that renamed last is seen.
func TestSecondWriterAtEveryCall(t *testing.T) {
	for n := 0; ; n++ {
		d := diskWith(oldText)
		first, second := d.Process(), d.Process()
		calls := 0
		first.Before(func(op, name string) {
			if calls++; calls == n+1 {
				require.NoError(t, save("m", "second", &Options{FS: second}))
			}
		})
		require.NoError(t, save("m", "first", &Options{FS: first}), "call %d", n)
		if calls <= n {
			return
		}
		want := "first"
		if moved := index(first.Trace(), "rename"); n > moved {
			want = "second"
		}
		require.Equal(t, want, visible(t, d), "call %d", n)
		require.Equal(t, []string{"m"}, d.Names("/"), "call %d", n)
		require.Zero(t, d.OpenHandles())
	}
}

// TestSecondWriterDiesAtEveryCall, and while the first lives nothing of the first is lost.
func TestSecondWriterDiesAtEveryCall(t *testing.T) {
	for n := 0; n < 20; n++ {
		d := diskWith(oldText)
		first, err := Create("m", &Options{FS: d.Process()})
		require.NoError(t, err)
		dying := d.Process()
		dying.Inject(faulty.Fault{Call: n, Kind: faulty.Kill})
		_ = save("m", "second", &Options{FS: dying})
		require.NoError(t, save("m", "third", &Options{FS: d.Process()}))
		require.Len(t, d.Names("/"), 2, "the dead one's is gone, the living one's is there")
		_, err = first.Write([]byte("first"))
		require.NoError(t, err)
		require.NoError(t, first.Commit())
		require.Equal(t, "first", visible(t, d))
		require.Equal(t, []string{"m"}, d.Names("/"))
	}
}

// TestFoundBeforeItWasLocked: somebody opens and locks the new file between its making and
// its locking, and removes it later. The writer takes another name.
func TestFoundBeforeItWasLocked(t *testing.T) {
	d := diskWith(oldText)
	writer, remover := d.Process(), d.Process()
	var finish func()
	writer.Before(func(op, name string) {
		if op != "lock" || finish != nil {
			return
		}
		f, err := remover.OpenFile(name, os.O_RDWR, 0)
		require.NoError(t, err)
		ok, err := f.TryLock()
		require.NoError(t, err)
		require.True(t, ok)
		finish = func() {
			require.NoError(t, remover.Remove(name))
			require.NoError(t, f.Close())
		}
	})
	f, err := Create("m", &Options{FS: writer})
	require.NoError(t, err)
	finish()
	_, err = f.Write([]byte("new"))
	require.NoError(t, err)
	require.NoError(t, f.Commit())
	require.Equal(t, "new", visible(t, d))
	require.Equal(t, []string{"m"}, d.Names("/"))
}

// TestNameInUse: a name that somebody has is never written to, and another one is tried.
func TestNameInUse(t *testing.T) {
	d := diskWith(oldText)
	writer := d.Process()
	taken := ""
	writer.Before(func(op, name string) {
		if op == "open" && taken == "" {
			taken = name
			d.WriteFile(name, []byte("somebody's"))
		}
	})
	require.NoError(t, save("m", newText, &Options{FS: writer}))
	require.Equal(t, newText, visible(t, d))
	b, err := d.ReadFile(taken)
	require.NoError(t, err)
	require.Equal(t, "somebody's", string(b))
}

// TestNameLedElsewhere: between making and opening again, the name came to mean another
// file. Neither is used.
func TestNameLedElsewhere(t *testing.T) {
	d := diskWith(oldText)
	writer := d.Process()
	taken := ""
	writer.Before(func(op, name string) {
		if op == "lock" && taken == "" {
			taken = name
			d.WriteFile(name, []byte("somebody's"))
		}
	})
	require.NoError(t, save("m", newText, &Options{FS: writer}))
	require.Equal(t, newText, visible(t, d))
	b, err := d.ReadFile(taken)
	require.NoError(t, err)
	require.Equal(t, "somebody's", string(b))
	require.Zero(t, d.OpenHandles())
}

// TestCommittedWhileBeingLookedAt: a remover that opened the temporary gets its lock only
// when it has become the target, which must stay.
func TestCommittedWhileBeingLookedAt(t *testing.T) {
	d := diskWith(oldText)
	f, err := Create("m", &Options{FS: d.Process()})
	require.NoError(t, err)
	_, err = f.Write([]byte("new"))
	require.NoError(t, err)
	remover := d.Process()
	remover.Before(func(op, name string) {
		if op == "lock" {
			require.NoError(t, f.Commit())
		}
	})
	removeIfDead(remover, f.temp.name)
	require.Contains(t, strings.Join(remover.Trace(), "\n"), "remove ", "it did take the lock")
	require.Equal(t, "new", visible(t, d))
}

// TestOtherFilesAreLeftAlone: only a regular file with exactly such a name is removed.
func TestOtherFilesAreLeftAlone(t *testing.T) {
	d := diskWith(oldText)
	dead := tempName("m")
	others := []string{tempName("n"), tempName("m.x"), tempName("m") + "~", "x" + tempName("m"), "m.kibisis-tmp"}
	for _, name := range append(others, dead) {
		d.WriteFile(name, []byte("x"))
	}
	directory, link := tempName("m"), tempName("m")
	d.Mkdir(directory)
	d.Symlink(others[0], link)
	require.NoError(t, save("m", newText, &Options{FS: d.Process()}))
	require.ElementsMatch(t, append(others, "m", directory, link), d.Names("/"))
}

// TestDeadTemporaryOfAReadOnlyTarget was given its final mode before its writer died.
func TestDeadTemporaryOfAReadOnlyTarget(t *testing.T) {
	d := diskWith(oldText)
	d.Chmod("m", 0o444)
	p := d.Process()
	p.Inject(faulty.Fault{Op: "rename", Kind: faulty.Kill})
	require.Error(t, save("m", newText, &Options{FS: p}))
	require.Len(t, d.Names("/"), 2)
	requireHeals(t, d, "read-only")
	mode, err := d.Mode("m")
	require.NoError(t, err)
	require.Equal(t, "-r--r--r--", mode.String())
}

func index(trace []string, op string) int {
	for i, call := range trace {
		if strings.HasPrefix(call, op+" ") {
			return i
		}
	}
	return -1
}
