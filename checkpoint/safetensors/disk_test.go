package safetensors

// These tests write files to a disk that fails at every call, loses power at every call
// and fills up. What is there in the end is the old file or the new one, whole, and
// nothing else.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// oldSources and newSources take some blocks of the disk.
func oldSources() []Source {
	return []Source{
		{Name: "a", DType: U8, Shape: []int{5000}, Data: counted(5000)},
		{Name: "b", DType: F32, Shape: []int{1000}, Data: counted(4000)},
		{Name: "c", DType: U8, Shape: []int{9}, Data: counted(9)},
	}
}

func newSources() []Source {
	src := oldSources()
	src[2] = Source{Name: "d", DType: U16, Shape: []int{2000}, WriteData: inParts(counted(4000), 999)}
	return src
}

// writers are the ways to a file of newSources, with checksums, at m.
var writers = map[string]func(p *faulty.Process) error{
	"WriteFile": func(p *faulty.Process) error {
		return writeFile(context.Background(), p, "m", newSources(), &WriteOptions{Checksums: true})
	},
	"Writer":  throughWriter,
	"Rewrite": throughRewrite,
}

func throughWriter(p *faulty.Process) (err error) {
	src := newSources()
	w, err := createOn(p, "m", SpecsOf(src), &WriteOptions{Checksums: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := w.Write("b", src[1].Data); err != nil {
		return err
	}
	f, err := openOn(p, "m")
	if err != nil {
		return err
	}
	err = w.copyRange(w.l.at(0), f.shards[0].src.r, f.shards[0].h.absolute(f.shards[0].h.entries[1].begin), 5000) // as Copy would, from a file of an os
	w.sums[0] = checksum(src[0].Data)
	if err := errors.Join(w.settle(0, err), f.Close()); err != nil {
		return err
	}
	if err := w.WriteFrom("d", strings.NewReader(string(counted(4000)))); err != nil {
		return err
	}
	return w.Commit()
}

func throughRewrite(p *faulty.Process) error {
	f, err := openOn(p, "m")
	if err != nil {
		return err
	}
	return rewrite(context.Background(), p, "m", f, &Edit{Drop: []string{"c"}, Put: newSources()[2:]}, nil)
}

// openOn opens a file of the disk.
func openOn(p *faulty.Process, name string) (*File, error) {
	h, err := p.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := h.Stat()
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return newFile(&source{path: name, r: h, size: info.Size(), closer: h}, OpenOptions{})
}

// oldAndNew are the two files there may be.
func oldAndNew(t *testing.T) (before, after string) {
	o := &WriteOptions{Checksums: true}
	return string(encodedWith(t, oldSources(), o)), string(encodedWith(t, newSources(), o))
}

func diskWith(text string) *faulty.Disk {
	d := faulty.NewDisk()
	d.WriteFile("m", []byte(text))
	return d
}

func visible(t *testing.T, d *faulty.Disk) string {
	t.Helper()
	b, err := d.ReadFile("m")
	require.NoError(t, err)
	return string(b)
}

// everyCall runs write once for each call that it makes, with a fault at that call.
func everyCall(t *testing.T, write func(p *faulty.Process) error, fault faulty.Fault, check func(d *faulty.Disk, err error, story string)) {
	t.Helper()
	before, after := oldAndNew(t)
	for fault.Call = 0; ; fault.Call++ {
		d := diskWith(before)
		p := d.Process()
		p.Inject(fault)
		err := write(p)
		if p.Calls() <= fault.Call {
			require.NoError(t, err)
			require.True(t, after == visible(t, d))
			require.Equal(t, []string{"m"}, d.Names("/"))
			require.Zero(t, d.OpenHandles())
			require.GreaterOrEqual(t, fault.Call, 15, "a write makes more calls than that")
			return
		}
		check(d, err, fmt.Sprintf("fault %+v at %q: %v", fault, p.Trace()[fault.Call], err))
	}
}

// One call fails, or that one and all after it, or takes effect all the same.
func TestEveryCallFails(t *testing.T) {
	before, after := oldAndNew(t)
	for name, write := range writers {
		for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailOn, faulty.FailLate, faulty.Short} {
			t.Run(fmt.Sprintf("%s/kind=%d", name, kind), func(t *testing.T) {
				everyCall(t, write, faulty.Fault{Kind: kind, Err: syscall.EDQUOT}, func(d *faulty.Disk, err error, story string) {
					want := before
					if err == nil || errors.Is(err, ErrUnconfirmed) {
						want = after
					}
					require.True(t, want == visible(t, d), story)
					require.Zero(t, d.OpenHandles(), story)
					if kind == faulty.Fail || kind == faulty.Short { // else it cannot clean up: the next one does
						require.Equal(t, []string{"m"}, d.Names("/"), story)
					}
					if err != nil && kind != faulty.Short {
						require.ErrorIs(t, err, syscall.EDQUOT, story)
					}
					require.NoError(t, writers["WriteFile"](d.Process()), story)
					require.Equal(t, []string{"m"}, d.Names("/"), story)
				})
			})
		}
	}
}

// The program dies before a call, and the power goes with it.
func TestPowerCutAtEveryCall(t *testing.T) {
	before, after := oldAndNew(t)
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			everyCall(t, write, faulty.Fault{Kind: faulty.Kill}, func(d *faulty.Disk, err error, story string) {
				require.ErrorIs(t, err, faulty.ErrKilled, story)
				for seed := range uint64(50) {
					crashed := d.Crash(rand.New(rand.NewPCG(seed, 1)))
					got := visible(t, crashed)
					require.True(t, got == before || got == after, "seed %d, %s", seed, story)
					if seed < 5 {
						require.NoError(t, writers["WriteFile"](crashed.Process()), story)
						require.Equal(t, []string{"m"}, crashed.Names("/"), story)
					}
				}
			})
		})
	}
}

// What was acknowledged stays.
func TestPowerCutAfterCommit(t *testing.T) {
	before, after := oldAndNew(t)
	for name, write := range writers {
		d := diskWith(before)
		require.NoError(t, write(d.Process()), name)
		for seed := range uint64(300) {
			require.True(t, after == visible(t, d.Crash(rand.New(rand.NewPCG(seed, 2)))), "%s, seed %d", name, seed)
		}
	}
}

// A full disk is seen before anything is written.
func TestFullDisk(t *testing.T) {
	before, after := oldAndNew(t)
	for name, write := range writers {
		d := diskWith(before)
		d.SetCapacity(int64(len(before) + len(after) - 1))
		p := d.Process()
		require.ErrorIs(t, write(p), syscall.ENOSPC, name)
		require.NotContains(t, strings.Join(p.Trace(), "\n"), "write", name)
		require.True(t, before == visible(t, d), name)
		require.Equal(t, []string{"m"}, d.Names("/"), name)
		d.SetCapacity(int64(len(before) + len(after)))
		require.NoError(t, write(d.Process()), name)
	}
}

// A Writer that is given up leaves nothing, at whatever call giving up fails.
func TestWriterGivenUp(t *testing.T) {
	before, _ := oldAndNew(t)
	d := diskWith(before)
	w, err := createOn(d.Process(), "m", SpecsOf(newSources()), nil)
	require.NoError(t, err)
	require.NoError(t, w.Write("a", counted(5000)))
	require.Len(t, d.Names("/"), 2)
	require.NoError(t, w.Close())
	require.Equal(t, []string{"m"}, d.Names("/"))
	require.Zero(t, d.OpenHandles())
	require.True(t, before == visible(t, d))
}
