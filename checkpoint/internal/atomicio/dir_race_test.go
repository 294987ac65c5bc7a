package atomicio

// These tests let others act at any moment of a save of a folder: another writer, or a
// program that keeps its own files there.

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// atEveryCall runs a save once for each of its calls, other before that call, always before
// all that follow, and check in the end.
func atEveryCall(t *testing.T, had string, other func(d *faulty.Disk), always, check func(d *faulty.Disk, call string)) {
	t.Helper()
	for n := 0; ; n++ {
		d := diskWithSet(had)
		p := d.Process()
		calls, at := 0, ""
		p.Before(func(op, name string) {
			if calls++; calls == n+1 {
				at = op + " " + name
				other(d)
			}
			if always != nil && calls > n {
				always(d, op+" "+name)
			}
		})
		err := saveSet(DirOptions{FS: p}, newSet)
		if calls <= n {
			require.NoError(t, err)
			return
		}
		require.NoError(t, err, at)
		check(d, at)
	}
}

// TestSetSecondWriterAtEveryCall: both succeed, one of the sets is there, whole.
func TestSetSecondWriterAtEveryCall(t *testing.T) {
	for _, had := range []string{"", noSet, oldSet} {
		atEveryCall(t, had, func(d *faulty.Disk) {
			require.NoError(t, saveSet(DirOptions{FS: d.Process()}, oldSet))
		}, func(d *faulty.Disk, call string) {
			require.Contains(t, []string{oldSet, newSet}, seenSet(d), call)
			if had != "" {
				requireUsersThings(t, d, call)
			}
		}, func(d *faulty.Disk, call string) {
			require.Contains(t, []string{oldSet, newSet}, seenSet(d), call)
			if had != "" {
				requireUsersThings(t, d, call)
			}
			require.Equal(t, []string{"m"}, d.Names("/"), call)
			require.Zero(t, d.OpenHandles(), call)
		})
	}
}

// TestSetSecondWriterDiesAtEveryCall of its own, and the first is not disturbed.
func TestSetSecondWriterDiesAtEveryCall(t *testing.T) {
	for n := range 80 {
		d := diskWithSet(oldSet)
		first, err := CreateDir("m", &DirOptions{FS: d.Process(), Mine: isMember})
		require.NoError(t, err)
		dying := d.Process()
		dying.Inject(faulty.Fault{Call: n, Kind: faulty.Kill})
		_ = saveSet(DirOptions{FS: dying}, newSet)
		require.NoError(t, saveSet(DirOptions{FS: d.Process()}, newSet))
		require.Len(t, d.Names("/"), 2, "the dead one's is gone, the living one's is there")
		for name, content := range sets[oldSet] {
			require.NoError(t, saveMember(first, name, content))
		}
		require.NoError(t, first.Commit())
		require.Equal(t, oldSet, seenSet(d))
		requireUsersThings(t, d, fmt.Sprint(n))
		require.Equal(t, []string{"m"}, d.Names("/"))
	}
}

// TestSetFilesThatAppearAreKept, whenever they do: in the folder, in one of its folders,
// or in a new one.
func TestSetFilesThatAppearAreKept(t *testing.T) {
	paths := []string{"m/added", "m/sub/added", "m/new/added"}
	atEveryCall(t, oldSet, func(d *faulty.Disk) {
		p := d.Process()
		require.NoError(t, p.Mkdir("m/new", 0o755))
		for _, name := range paths {
			addFile(t, p, name)
		}
	}, nil, func(d *faulty.Disk, call string) {
		for _, name := range paths {
			got, err := d.ReadFile(name)
			require.NoError(t, err, call)
			require.Equal(t, "added", string(got), call)
		}
		require.Equal(t, newSet, seenSet(d), call)
		requireUsersThings(t, d, call)
		require.Equal(t, []string{"m"}, d.Names("/"), call)
	})
}

// TestSetFilesReplacedMeanwhileAreNotLost: what replaced a file of the user's between its
// carrying over and the exchange is in the folder, or in the old one, which then stays.
func TestSetFilesReplacedMeanwhileAreNotLost(t *testing.T) {
	atEveryCall(t, oldSet, func(d *faulty.Disk) {
		p := d.Process()
		f, err := p.OpenFile("temporary", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		require.NoError(t, err)
		_, err = f.Write([]byte("replaced"))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, p.Rename("temporary", "m/notes"))
	}, nil, func(d *faulty.Disk, call string) {
		var found []string
		for _, name := range d.Names("/") {
			if b, err := d.ReadFile(name + "/notes"); err == nil {
				found = append(found, string(b))
			}
		}
		require.Contains(t, found, "replaced", call)
		require.Equal(t, newSet, seenSet(d), call)
	})
}

// TestSetFilesRemovedMeanwhile are no reason to fail.
func TestSetFilesRemovedMeanwhile(t *testing.T) {
	atEveryCall(t, oldSet, func(d *faulty.Disk) {
		require.NoError(t, d.Process().Remove("m/notes"))
	}, nil, func(d *faulty.Disk, call string) {
		require.Equal(t, newSet, seenSet(d), call)
		require.Equal(t, []string{"m"}, d.Names("/"), call)
	})
}

// TestSetFilesThatAppearOutliveTheWriter: a file appears, later the writer dies, and the
// next one must not take it for part of what is dead. Nor may the power cost it.
func TestSetFilesThatAppearOutliveTheWriter(t *testing.T) {
	for appears := 20; ; appears++ {
		for dies := appears; ; dies++ {
			d := diskWithSet(oldSet)
			p := d.Process()
			p.Inject(faulty.Fault{Call: dies, Kind: faulty.Kill})
			calls := 0
			p.Before(func(op, name string) {
				if calls++; calls == appears+1 {
					d.WriteFile("m/added", []byte("added"))
				}
			})
			_ = saveSet(DirOptions{FS: p}, newSet)
			if calls <= appears {
				return
			}
			story := fmt.Sprintf("appears at %d, dies at %d", appears, dies)
			for seed := range uint64(25) {
				requireSomewhere(t, d.Crash(rand.New(rand.NewPCG(seed, 9))), "added", story)
			}
			requireSetHeals(t, d, oldSet, story)
			got, err := d.ReadFile("m/added")
			require.NoError(t, err, story)
			require.Equal(t, "added", string(got), story)
			if calls <= dies {
				break
			}
		}
	}
}

// requireSomewhere checks that a folder of the disk has the file.
func requireSomewhere(t *testing.T, d *faulty.Disk, name, story string) {
	t.Helper()
	for _, dir := range d.Names("/") {
		if _, err := d.ReadFile(dir + "/" + name); err == nil {
			return
		}
	}
	require.Fail(t, "lost: "+name, story)
}

func addFile(t *testing.T, p *faulty.Process, name string) {
	t.Helper()
	f, err := p.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	require.NoError(t, err)
	_, err = f.Write([]byte("added"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// TestSetTwoWritersDieAndThePowerGoes: the second cleans up after the first, whose exchange
// was not durable yet.
func TestSetTwoWritersDieAndThePowerGoes(t *testing.T) {
	for first := 0; ; first++ {
		p := diskWithSet(oldSet).Process()
		require.NoError(t, saveSet(DirOptions{FS: p}, newSet))
		if count(p.Trace(), "syncdir") <= first {
			return
		}
		for second := 0; ; second++ {
			d := diskWithSet(oldSet)
			p, q := d.Process(), d.Process()
			p.Inject(faulty.Fault{Op: "syncdir", Call: first, Kind: faulty.Kill})
			require.Error(t, saveSet(DirOptions{FS: p}, newSet))
			q.Inject(faulty.Fault{Call: second, Kind: faulty.Kill})
			_ = saveSet(DirOptions{FS: q}, newSet)
			for seed := range uint64(12) {
				after := d.Crash(rand.New(rand.NewPCG(seed, 8)))
				requireAfterCut(t, after, oldSet, fmt.Sprintf("dead at sync %d and at call %d, seed %d", first, second, seed))
			}
			if q.Calls() <= second {
				break
			}
		}
	}
}

func count(trace []string, op string) (n int) {
	for _, call := range trace {
		if strings.HasPrefix(call, op+" ") {
			n++
		}
	}
	return n
}

// TestSetNeverOverwritesTheUsersFiles: one appears in the old folder, and another one of
// its name in the new folder at the moment when the first is to be moved there.
func TestSetNeverOverwritesTheUsersFiles(t *testing.T) {
	d := diskWithSet(oldSet)
	p := d.Process()
	p.Before(func(op, name string) {
		switch {
		case op == "exchange":
			addFile(t, d.Process(), "m/added")
		case strings.HasPrefix(op, "rename") && strings.HasSuffix(name, "added"):
			d.WriteFile("m/added", []byte("newer"))
		}
	})
	require.NoError(t, saveSet(DirOptions{FS: p}, newSet))
	var found []string
	for _, name := range d.Names("/") {
		b, err := d.ReadFile(name + "/added")
		require.NoError(t, err)
		found = append(found, string(b))
	}
	require.ElementsMatch(t, []string{"added", "newer"}, found)
}
