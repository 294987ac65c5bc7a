package faulty

// These tests are about folders made, moved and exchanged, and cut short.

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExchangeHappensOrNot: a cut leaves both names as they were or both swapped.
func TestExchangeHappensOrNot(t *testing.T) {
	d := NewDisk()
	d.Mkdir("a")
	d.Mkdir("b")
	d.WriteFile("a/f", []byte("one"))
	d.WriteFile("b/f", []byte("two"))
	p := d.Process()
	require.NoError(t, p.Exchange("a", "b"))
	both := func(after *Disk) string { return show("a/f")(after) + " " + show("b/f")(after) }
	require.Equal(t, "two one", both(d))
	seen := outcomes(d, both)
	require.NotZero(t, seen["one two"])
	require.NotZero(t, seen["two one"])
	require.Len(t, seen, 2)
	require.NoError(t, p.SyncDir("/"))
	require.Equal(t, map[string]int{"two one": seeds}, outcomes(d, both))
}

// TestExchangeAcrossDirectories is made durable whole by a sync of either.
func TestExchangeAcrossDirectories(t *testing.T) {
	for _, synced := range []string{"a", "b"} {
		d := NewDisk()
		d.Mkdir("a")
		d.Mkdir("b")
		d.WriteFile("a/f", []byte("one"))
		d.WriteFile("b/f", []byte("two"))
		p := d.Process()
		require.NoError(t, p.Exchange("a/f", "b/f"))
		require.NoError(t, p.SyncDir(synced))
		both := func(after *Disk) string { return show("a/f")(after) + " " + show("b/f")(after) }
		require.Equal(t, map[string]int{"two one": seeds}, outcomes(d, both))
	}
}

// TestNamesInANewFolderMayGo when the folder was not synced, also if its own name was.
func TestNamesInANewFolderMayGo(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", []byte("x"))
	p := d.Process()
	require.NoError(t, p.Mkdir("dir", 0o755))
	require.NoError(t, p.Link("f", "dir/f"))
	require.NoError(t, p.SyncDir("/"))
	seen := outcomes(d, show("dir/f"))
	require.NotZero(t, seen["-"])
	require.NotZero(t, seen["x"])
	require.NoError(t, p.SyncDir("dir"))
	require.Equal(t, map[string]int{"x": seeds}, outcomes(d, show("dir/f")))
	require.NoError(t, p.Remove("f"))
	require.Equal(t, "x", show("dir/f")(d), "the other name keeps the file")
}

// TestModeOfAFolderLastsOnlyWhenSynced, by SyncDir.
func TestModeOfAFolderLastsOnlyWhenSynced(t *testing.T) {
	d := NewDisk()
	d.Mkdir("dir")
	p := d.Process()
	h, err := p.OpenDir("dir")
	require.NoError(t, err)
	require.NoError(t, h.Chmod(0o700))
	mode := func(after *Disk) string { return must(after.Mode("dir")).String() }
	require.Len(t, outcomes(d, mode), 2)
	require.NoError(t, p.SyncDir("dir"))
	require.Equal(t, map[string]int{"drwx------": seeds}, outcomes(d, mode))
	ok, err := h.TryLock()
	require.NoError(t, err)
	require.True(t, ok)
}
