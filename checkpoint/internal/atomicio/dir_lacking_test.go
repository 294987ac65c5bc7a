package atomicio

// This file is folders on systems that lack something: exchanges, hard links, locks,
// folders that can be opened.

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// noExchange is a system that cannot exchange folders, noLinks one without hard links.
var (
	noExchange = []faulty.Fault{{Op: "exchange", Kind: faulty.FailOn, Err: errors.ErrUnsupported}}
	noLinks    = []faulty.Fault{{Op: "link", Kind: faulty.FailOn, Err: errors.ErrUnsupported}}
)

// TestSetWithoutExchangeIsRefused where something would be replaced, with nothing changed.
func TestSetWithoutExchangeIsRefused(t *testing.T) {
	for _, system := range [][]faulty.Fault{noExchange, noLinks} {
		d := diskWithSet(oldSet)
		p := d.Process()
		p.Inject(system[0])
		err := saveSet(DirOptions{FS: p}, newSet)
		require.ErrorIs(t, err, ErrExists)
		require.ErrorIs(t, err, fs.ErrExist)
		require.ErrorContains(t, err, `"a.st"`)
		require.ErrorContains(t, err, errors.ErrUnsupported.Error())
		require.Equal(t, oldSet, seenSet(d))
		requireUsersThings(t, d, "")
		require.Equal(t, []string{"m"}, d.Names("/"))
	}
}

// TestSetWithoutExchangeIsMovedIn where nothing is replaced: the index comes last, and a
// failure leaves none of the files.
func TestSetWithoutExchangeIsMovedIn(t *testing.T) {
	stage := func() *faulty.Disk { return diskWithSet(noSet) }
	users := stage().Names("m")
	everySetCall(t, stage, DirOptions{}, faulty.Fault{Kind: faulty.Fail}, noLinks,
		func(d *faulty.Disk, err error, story string) { requireOldOrNewSet(t, d, noSet, err, story) })
	for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailLate} {
		everySetCall(t, stage, DirOptions{}, faulty.Fault{Kind: kind}, noExchange,
			func(d *faulty.Disk, err error, story string) {
				requireOldOrNewSet(t, d, noSet, err, story)
				if err != nil && !errors.Is(err, ErrUnconfirmed) {
					require.Equal(t, users, d.Names("m"), story)
				}
				require.Zero(t, d.OpenHandles(), story)
			})
	}
	everySetCall(t, stage, DirOptions{}, faulty.Fault{Kind: faulty.Kill}, noExchange,
		func(d *faulty.Disk, err error, story string) {
			for seed := range uint64(60) {
				requireAfterCut(t, d.Crash(rand.New(rand.NewPCG(seed, 3))), noSet, story)
			}
			requireSetHeals(t, d, noSet, story)
		})
}

// TestSetWithoutLocks: saving works; what a dead writer left stays, since nobody can tell.
func TestSetWithoutLocks(t *testing.T) {
	d := withLeftovers(diskWithSet(oldSet))
	names := d.Names("/")
	p := d.Process()
	p.Inject(faulty.Fault{Op: "lock", Kind: faulty.FailOn, Err: errors.ErrUnsupported})
	require.NoError(t, saveSet(DirOptions{FS: p}, newSet))
	require.Equal(t, newSet, seenSet(d))
	require.Equal(t, names, d.Names("/"))
}

// TestSetWhereFoldersCannotBeOpened, as on Windows: a new set can be saved all the same.
func TestSetWhereFoldersCannotBeOpened(t *testing.T) {
	for _, had := range []string{"", noSet} {
		d := diskWithSet(had)
		p := d.Process()
		p.Inject(faulty.Fault{Op: "opendir", Kind: faulty.FailOn, Err: errors.ErrUnsupported})
		require.NoError(t, saveSet(DirOptions{FS: p}, newSet))
		require.Equal(t, newSet, seenSet(d))
		require.Equal(t, []string{"m"}, d.Names("/"))
		require.Zero(t, d.OpenHandles())
	}
}

// TestSetNoSyncSyncsNothing, and other programs still see old or new.
func TestSetNoSyncSyncsNothing(t *testing.T) {
	d := diskWithSet(oldSet)
	p := d.Process()
	require.NoError(t, saveSet(DirOptions{FS: p, NoSync: true}, newSet))
	require.NotContains(t, strings.Join(p.Trace(), "\n"), "sync")
	stage := func() *faulty.Disk { return diskWithSet(oldSet) }
	everySetCall(t, stage, DirOptions{NoSync: true}, faulty.Fault{}, nil,
		func(d *faulty.Disk, err error, story string) { requireOldOrNewSet(t, d, oldSet, err, story) })
}
