package atomicio

// These tests commit folders on a disk that fails, dies and forgets, beside other programs.

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// A set is two or three files and an index that is created last. The folder m holds the
// old one, the new one or none, and beside it what belongs to the user.
const (
	noSet  = "none"
	oldSet = "old"
	newSet = "new"
	broken = "broken"
)

var sets = map[string]map[string]string{
	oldSet: {"a.st": oldText, "b.st": "old b", "index": "old"},
	newSet: {"a.st": newText, "c.st": "new c", "index": "new"},
}

func isMember(name string) bool { return name == "index" || strings.HasSuffix(name, ".st") }

// saveSet writes the new set to the folder m.
func saveSet(o DirOptions, set string) error {
	o.Mine = isMember
	d, err := CreateDir("m/", &o)
	if err != nil {
		return err
	}
	defer d.Close()
	for _, name := range []string{"a.st", "b.st", "c.st", "index"} {
		if err := saveMember(d, name, sets[set][name]); err != nil {
			return err
		}
	}
	return d.Commit()
}

func saveMember(d *Dir, name, content string) error {
	if content == "" {
		return nil
	}
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Reserve(int64(len(content))); err != nil {
		return err
	}
	if _, err := f.Write([]byte(content)); err != nil {
		return err
	}
	return f.Commit()
}

// diskWithSet returns a disk with the folder m, which holds a set, or none, and the user's
// things; or, for "", without it.
func diskWithSet(set string) *faulty.Disk {
	d := faulty.NewDisk()
	if set == "" {
		return d
	}
	d.Mkdir("m")
	for name, content := range sets[set] {
		d.WriteFile("m/"+name, []byte(content))
	}
	d.WriteFile("m/notes", []byte("notes"))
	d.Mkdir("m/sub")
	d.WriteFile("m/sub/x", []byte("x"))
	d.Symlink("sub/x", "m/link")
	return d
}

// seenSet says which set is in the folder m.
func seenSet(d *faulty.Disk) string {
	if _, err := d.Mode("m"); errors.Is(err, fs.ErrNotExist) {
		return noSet
	}
	members := map[string]string{}
	for _, name := range d.Names("m") {
		if isMember(name) {
			b, _ := d.ReadFile("m/" + name)
			members[name] = string(b)
		}
	}
	for set, files := range sets {
		if fmt.Sprint(files) == fmt.Sprint(members) {
			return set
		}
	}
	if members["index"] == "" {
		return noSet // whatever else is there, nobody looks at it
	}
	return broken
}

// requireUsersThings checks that what belongs to the user is all there.
func requireUsersThings(t *testing.T, d *faulty.Disk, story string) {
	t.Helper()
	for name, want := range map[string]string{"m/notes": "notes", "m/sub/x": "x", "m/link": "x"} {
		got, err := d.ReadFile(name)
		require.NoError(t, err, story)
		require.Equal(t, want, string(got), story)
	}
	mode, err := d.Mode("m/link")
	require.NoError(t, err)
	require.NotZero(t, mode&fs.ModeSymlink, story)
}

// requireSetHeals checks that a later save works and leaves nothing else.
func requireSetHeals(t *testing.T, d *faulty.Disk, had string, story string) {
	t.Helper()
	require.NoError(t, saveSet(DirOptions{FS: d.Process()}, newSet), story)
	require.Equal(t, newSet, seenSet(d), story)
	require.Equal(t, []string{"m"}, d.Names("/"), story)
	if had != "" {
		requireUsersThings(t, d, story)
	}
}

// setScenarios are a first save, one into the user's folder, one over an old set, one where
// dead writers left folders of both kinds.
func setScenarios(t *testing.T, run func(t *testing.T, stage func() *faulty.Disk, had string)) {
	for _, had := range []string{"", noSet, oldSet} {
		t.Run("had="+had, func(t *testing.T) {
			run(t, func() *faulty.Disk { return diskWithSet(had) }, had)
		})
	}
	t.Run("leftovers", func(t *testing.T) {
		run(t, func() *faulty.Disk { return withLeftovers(diskWithSet(oldSet)) }, oldSet)
	})
}

// withLeftovers lets one writer die before and one after its exchange.
func withLeftovers(d *faulty.Disk) *faulty.Disk {
	for _, op := range []string{"exchange", "remove"} {
		p := d.Process()
		p.Inject(faulty.Fault{Op: op, Kind: faulty.Kill})
		_ = saveSet(DirOptions{FS: p, NoSync: true}, oldSet)
		must(d.Process().SyncDir("/"))
		must(d.Process().SyncDir("m"))
		must(d.Process().SyncDir("m/sub"))
	}
	return d
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// everySetCall saves the new set once for each call that it makes, with a fault at that
// call, beside those of a system that is always as it is.
func everySetCall(t *testing.T, stage func() *faulty.Disk, o DirOptions, fault faulty.Fault, system []faulty.Fault,
	check func(d *faulty.Disk, err error, story string),
) {
	t.Helper()
	for fault.Call = 0; ; fault.Call++ {
		d := stage()
		p := d.Process()
		p.Inject(fault)
		for _, f := range system {
			p.Inject(f)
		}
		o.FS = p
		err := saveSet(o, newSet)
		if p.Calls() <= fault.Call {
			require.NoError(t, err)
			require.Equal(t, newSet, seenSet(d))
			require.Equal(t, []string{"m"}, d.Names("/"))
			require.GreaterOrEqual(t, fault.Call, 30, "a save makes more calls than that")
			return
		}
		check(d, err, fmt.Sprintf("fault %+v at %q: %v", fault, p.Trace()[fault.Call], err))
	}
}

func before(had string) string {
	if had == "" {
		return noSet
	}
	return had
}

// requireOldOrNewSet holds what is there against what the save returned.
func requireOldOrNewSet(t *testing.T, d *faulty.Disk, had string, err error, story string) {
	t.Helper()
	want := before(had)
	if err == nil || errors.Is(err, ErrUnconfirmed) {
		want = newSet
	}
	require.Equal(t, want, seenSet(d), story)
	if had != "" {
		requireUsersThings(t, d, story)
	}
}

// TestSetEveryCallFails: old or new, whole, an error if and only if it is old, and the
// user's things in both.
func TestSetEveryCallFails(t *testing.T) {
	errnos := []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EACCES, syscall.EINTR}
	setScenarios(t, func(t *testing.T, stage func() *faulty.Disk, had string) {
		for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailOn, faulty.FailLate} {
			for _, errno := range errnos {
				everySetCall(t, stage, DirOptions{}, faulty.Fault{Kind: kind, Err: errno}, nil,
					func(d *faulty.Disk, err error, story string) {
						requireOldOrNewSet(t, d, had, err, story)
						if err != nil {
							require.ErrorIs(t, err, errno, story)
							require.ErrorContains(t, err, "m", story)
						}
						require.Zero(t, d.OpenHandles(), story)
						requireSetHeals(t, d, had, story)
					})
			}
		}
	})
}

// TestSetNothingRemains: after one failure everything else still works, so what was made
// goes, unless the failure is that of removing it.
func TestSetNothingRemains(t *testing.T) {
	for _, had := range []string{"", noSet, oldSet} {
		stage := func() *faulty.Disk { return diskWithSet(had) }
		everySetCall(t, stage, DirOptions{}, faulty.Fault{}, nil, func(d *faulty.Disk, err error, story string) {
			if err == nil || errors.Is(err, ErrUnconfirmed) {
				return
			}
			for _, name := range d.Names("/") {
				require.Equal(t, "m", name, story)
			}
		})
	}
}

// TestSetPowerCutAtEveryCall: old or new, whole, nothing of the user's lost, and the next
// save works.
func TestSetPowerCutAtEveryCall(t *testing.T) {
	const seeds = 60
	setScenarios(t, func(t *testing.T, stage func() *faulty.Disk, had string) {
		everySetCall(t, stage, DirOptions{}, faulty.Fault{Kind: faulty.Kill}, nil,
			func(d *faulty.Disk, err error, story string) {
				for seed := range uint64(seeds) {
					after := d.Crash(rand.New(rand.NewPCG(seed, 3)))
					if err == nil { // killed while it removed the old folder
						require.Equal(t, newSet, seenSet(after), story)
					}
					requireAfterCut(t, after, had, fmt.Sprintf("seed %d, %s", seed, story))
					requireSetHeals(t, after, had, story)
				}
				requireSetHeals(t, d, had, story) // the kill alone
			})
	})
}

func requireAfterCut(t *testing.T, after *faulty.Disk, had, story string) {
	t.Helper()
	require.Contains(t, []string{before(had), newSet}, seenSet(after), story)
	if had != "" {
		requireUsersThings(t, after, story)
	}
}

// TestSetPowerCutAfterACall failed, or after the commit: what was acknowledged stays, what
// failed never was.
func TestSetPowerCutAfterACall(t *testing.T) {
	setScenarios(t, func(t *testing.T, stage func() *faulty.Disk, had string) {
		everySetCall(t, stage, DirOptions{}, faulty.Fault{}, nil, func(d *faulty.Disk, err error, story string) {
			for seed := range uint64(40) {
				after := d.Crash(rand.New(rand.NewPCG(seed, 5)))
				requireAfterCut(t, after, had, story)
				switch {
				case err == nil:
					require.Equal(t, newSet, seenSet(after), story)
				case !errors.Is(err, ErrUnconfirmed):
					require.Equal(t, before(had), seenSet(after), story)
				}
			}
		})
		d := stage()
		require.NoError(t, saveSet(DirOptions{FS: d.Process()}, newSet))
		for seed := range uint64(500) {
			after := d.Crash(rand.New(rand.NewPCG(seed, 4)))
			require.Equal(t, newSet, seenSet(after), "seed %d", seed)
			requireAfterCut(t, after, had, "after commit")
			require.Subset(t, []string{"m"}, slices.DeleteFunc(after.Names("/"), isOurs), "seed %d", seed)
		}
	})
}

func isOurs(name string) bool { return isTempOf(name, "m") || isRetiredOf(name, "m") }

// TestSetIsWholeAtEveryMoment, seen by a reader that comes between any two calls.
func TestSetIsWholeAtEveryMoment(t *testing.T) {
	setScenarios(t, func(t *testing.T, stage func() *faulty.Disk, had string) {
		d := stage()
		p := d.Process()
		p.Before(func(op, name string) {
			requireAfterCut(t, d, had, op+" "+name)
		})
		require.NoError(t, saveSet(DirOptions{FS: p}, newSet))
	})
}
