package safetensors

// These tests write sets to a disk that fails at every call, loses power at every call and
// fills up. The folder holds the old set or the new one, whole, and what is the user's.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// writeSetOn writes the set of a version in so many shards to the folder m.
func writeSetOn(p *faulty.Process, version byte, shards int) error {
	src := counters(4, 60)
	src[3].Data, src[3].WriteData = nil, inParts(counted(60), 7)
	for i := range src[:3] {
		src[i].Data[1] = version
	}
	return writeShards(context.Background(), p, "m", src, &ShardOptions{MaxSize: int64(60 * (4 / shards)), WriteOptions: WriteOptions{Checksums: true}})
}

// diskWithShards returns a disk with version 1, in four shards, and a file of the user's.
func diskWithShards(t *testing.T) *faulty.Disk {
	t.Helper()
	d := faulty.NewDisk()
	require.NoError(t, writeSetOn(d.Process(), 1, 4))
	d.WriteFile("m/notes", []byte("the user's"))
	return d
}

// versionOn opens the set, requires that it is whole, and returns its version and how many
// shards it has.
func versionOn(t *testing.T, d *faulty.Disk, story string) (version byte, shards int) {
	t.Helper()
	folder := fstest.MapFS{}
	for _, name := range d.Names("m") {
		b, err := d.ReadFile("m/" + name)
		require.NoError(t, err, story)
		folder["m/"+name] = &fstest.MapFile{Data: b}
	}
	require.Equal(t, "the user's", string(folder["m/notes"].Data), story)
	f, err := OpenFS(folder, "m", &OpenOptions{Verify: true, InMemory: true})
	require.NoError(t, err, story)
	defer f.Close()
	require.Equal(t, 4, f.Len(), story)
	shards = max(1, len(f.Shards()))
	files := 1 + shards
	if shards > 1 {
		files++ // the index
	}
	require.Len(t, folder, files, "%s: %v", story, d.Names("m"))
	for _, name := range []string{"t00", "t01", "t02"} {
		got := bytesOf(t, tensorOf(t, f, name))[1]
		require.True(t, version == 0 || version == got, story)
		version = got
	}
	return version, shards
}

// everySetCall writes version 2, in so many shards, once for each call that this makes, with
// a fault at that call.
func everySetCall(t *testing.T, shards int, fault faulty.Fault, check func(d *faulty.Disk, err error, story string)) {
	t.Helper()
	for fault.Call = 0; ; fault.Call++ {
		d := diskWithShards(t)
		p := d.Process()
		p.Inject(fault)
		err := writeSetOn(p, 2, shards)
		if p.Calls() <= fault.Call {
			require.NoError(t, err)
			version, got := versionOn(t, d, "no fault")
			require.Equal(t, []int{2, shards}, []int{int(version), got})
			require.Equal(t, []string{"m"}, d.Names("/"))
			require.Zero(t, d.OpenHandles())
			require.GreaterOrEqual(t, fault.Call, 20, "a set makes more calls than that")
			return
		}
		check(d, err, fmt.Sprintf("fault %+v at %q: %v", fault, p.Trace()[fault.Call], err))
	}
}

func TestSetEveryCallFails(t *testing.T) {
	for _, shards := range []int{1, 2} {
		for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailOn, faulty.FailLate, faulty.Short} {
			everySetCall(t, shards, faulty.Fault{Kind: kind, Err: syscall.EDQUOT}, func(d *faulty.Disk, err error, story string) {
				version, _ := versionOn(t, d, story)
				if err == nil || errors.Is(err, ErrUnconfirmed) {
					require.Equal(t, byte(2), version, story)
				} else {
					require.Equal(t, byte(1), version, story)
				}
				require.Zero(t, d.OpenHandles(), story)
			})
		}
	}
}

func TestSetPowerCutAtEveryCall(t *testing.T) {
	for _, shards := range []int{1, 2} {
		everySetCall(t, shards, faulty.Fault{Kind: faulty.Kill}, func(d *faulty.Disk, err error, story string) {
			for seed := range uint64(10) {
				crashed := d.Crash(rand.New(rand.NewPCG(seed, 1)))
				version, _ := versionOn(t, crashed, story)
				if err == nil { // killed while it cleaned up
					require.Equal(t, byte(2), version, story)
				}
				if seed == 0 {
					require.NoError(t, writeSetOn(crashed.Process(), 3, 2), story)
					version, got := versionOn(t, crashed, story)
					require.Equal(t, []int{3, 2}, []int{int(version), got}, story)
					require.Equal(t, []string{"m"}, crashed.Names("/"), story)
				}
			}
		})
	}
}

// What was acknowledged stays.
func TestSetPowerCutAfterCommit(t *testing.T) {
	d := diskWithShards(t)
	require.NoError(t, writeSetOn(d.Process(), 2, 2))
	for seed := range uint64(100) {
		version, _ := versionOn(t, d.Crash(rand.New(rand.NewPCG(seed, 2))), fmt.Sprint("seed ", seed))
		require.Equal(t, byte(2), version)
	}
}

// A full disk is seen before anything is written.
func TestSetOnAFullDisk(t *testing.T) {
	d := diskWithShards(t)
	used, shards := 0, 0 // bytes
	for _, name := range d.Names("m") {
		b, err := d.ReadFile("m/" + name)
		require.NoError(t, err)
		used += len(b)
		if strings.HasSuffix(name, shardSuffix) {
			shards += len(b)
		}
	}
	d.SetCapacity(int64(used + shards - 1))
	p := d.Process()
	require.ErrorIs(t, writeSetOn(p, 2, 4), syscall.ENOSPC)
	require.NotContains(t, strings.Join(p.Trace(), "\n"), "write")
	version, _ := versionOn(t, d, "full")
	require.Equal(t, byte(1), version)
	require.Equal(t, []string{"m"}, d.Names("/"))
}

// Where folders cannot be exchanged, a set is not replaced, and a first one is written.
func TestSetWithoutExchange(t *testing.T) {
	d := diskWithShards(t)
	p := d.Process()
	noExchange := faulty.Fault{Op: "exchange", Kind: faulty.FailOn, Err: errors.ErrUnsupported}
	p.Inject(noExchange)
	require.ErrorIs(t, writeSetOn(p, 2, 2), ErrExists)
	version, shards := versionOn(t, d, "refused")
	require.Equal(t, []int{1, 4}, []int{int(version), shards})

	fresh := faulty.NewDisk()
	fresh.Mkdir("m")
	fresh.WriteFile("m/notes", []byte("the user's"))
	p = fresh.Process()
	p.Inject(noExchange)
	require.NoError(t, writeSetOn(p, 2, 2))
	version, shards = versionOn(t, fresh, "first")
	require.Equal(t, []int{2, 2}, []int{int(version), shards})
}
