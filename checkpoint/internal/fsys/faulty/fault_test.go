package faulty

// This file is the faults: calls that fail, disks that fill up, processes that die.

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFullDisk(t *testing.T) {
	d := NewDisk()
	d.WriteFile("there", make([]byte, 60))
	d.SetCapacity(100)
	p := d.Process()
	f := create(t, p, "f")
	n, err := f.Write(make([]byte, 50))
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, 40, n, "what fits is written")
	require.ErrorIs(t, f.Reserve(41), syscall.ENOSPC)
	require.NoError(t, f.Reserve(40))

	require.NoError(t, p.Remove("there"))
	require.NoError(t, f.Reserve(100), "removing frees")
	g := create(t, p, "g")
	_, err = g.Write([]byte{1})
	require.ErrorIs(t, err, syscall.ENOSPC, "what is reserved is taken")
	require.NoError(t, p.Remove("f"))
	_, err = g.Write([]byte{1})
	require.ErrorIs(t, err, syscall.ENOSPC, "an open file keeps its room")
	require.NoError(t, f.Close())
	_, err = g.Write([]byte{1})
	require.NoError(t, err)
}

func TestFaultKinds(t *testing.T) {
	script := func(p *Process) (errs []error) {
		for i := range 3 {
			_, err := p.OpenFile(fmt.Sprintf("f%d", i), os.O_RDWR|os.O_CREATE, 0o644)
			errs = append(errs, err)
		}
		return errs
	}
	failed := func(errs []error) (out []bool) {
		for _, err := range errs {
			out = append(out, err != nil)
		}
		return out
	}
	for _, test := range []struct {
		kind  Kind
		fails []bool
		names []string
	}{
		{Fail, []bool{false, true, false}, []string{"f0", "f2"}},
		{FailOn, []bool{false, true, true}, []string{"f0"}},
		{FailLate, []bool{false, true, false}, []string{"f0", "f1", "f2"}},
		{Short, []bool{false, false, false}, []string{"f0", "f1", "f2"}},
		{Kill, []bool{false, true, true}, []string{"f0"}},
	} {
		d := NewDisk()
		p := d.Process()
		p.Inject(Fault{Call: 1, Kind: test.kind})
		require.Equal(t, test.fails, failed(script(p)), "kind %d", test.kind)
		require.Equal(t, test.names, d.Names("/"), "kind %d", test.kind)
		require.Equal(t, 3, p.Calls())
	}
}

func TestFaultsByName(t *testing.T) {
	d := NewDisk()
	p := d.Process()
	p.Inject(Fault{Op: "write", Call: 1, Err: syscall.EDQUOT})
	p.Inject(Fault{Op: "write", Call: 2, Kind: Short})
	f := create(t, p, "f")
	write(t, f, "ab")
	n, err := f.Write([]byte("cdef"))
	require.ErrorIs(t, err, syscall.EDQUOT)
	require.Equal(t, 2, n, "a failing write leaves half")
	n, err = f.Write([]byte("efgh"))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	got, err := d.ReadFile("f")
	require.NoError(t, err)
	require.Equal(t, "abcdef", string(got))
	require.Equal(t, []string{"open f", "write f", "write f", "write f"}, p.Trace())
}

// TestKill: locks go, what was written stays, and the dead do nothing more.
func TestKill(t *testing.T) {
	d := NewDisk()
	p, other := d.Process(), d.Process()
	f := create(t, p, "f")
	write(t, f, "abc")
	ok, err := f.TryLock()
	require.NoError(t, err)
	require.True(t, ok)

	g, err := other.OpenFile("f", os.O_RDWR, 0)
	require.NoError(t, err)
	ok, err = g.TryLock()
	require.NoError(t, err)
	require.False(t, ok)

	p.Kill()
	_, err = f.Write([]byte("def"))
	require.ErrorIs(t, err, ErrKilled)
	require.ErrorIs(t, p.Remove("f"), ErrKilled)
	require.ErrorIs(t, f.Close(), ErrKilled)
	ok, err = g.TryLock()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "abc", show("f")(d))
	require.Equal(t, 1, d.OpenHandles())
}

// TestFlip: a read or a mapping that is wrong by one bit, and right the next time.
func TestFlip(t *testing.T) {
	for kind, want := range map[Kind][]string{
		Flip:   {"abc", "a\"c", "abc", "abc"}, // bit 6 of 0x62 is gone
		FlipOn: {"abc", "a\"c", "a\"c", "a\"c"},
	} {
		d := NewDisk()
		d.WriteFile("f", []byte("abc"))
		p := d.Process()
		f, err := p.OpenFile("f", os.O_RDONLY, 0)
		require.NoError(t, err)
		for _, op := range []string{"readat", "map"} {
			p.Inject(Fault{Op: op, Call: 1, Kind: kind, Bit: 14 + 24})
		}
		for i := range 4 {
			got := make([]byte, 3)
			_, err := f.ReadAt(got, 0)
			require.NoError(t, err)
			require.Equal(t, want[i], string(got), "read %d", i)
			data, _, err := f.Map()
			require.NoError(t, err)
			require.Equal(t, want[i], string(data), "mapping %d", i)
		}
		require.Equal(t, "abc", show("f")(d))
	}
}

// TestFlipOfOtherCalls is nothing, and so is one of a read of nothing.
func TestFlipOfOtherCalls(t *testing.T) {
	d := NewDisk()
	p := d.Process()
	p.Inject(Fault{Kind: FlipOn})
	f := create(t, p, "f")
	_, err := f.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, io.EOF)
	write(t, f, "abc")
	require.NoError(t, f.Close())
	require.Equal(t, "abc", show("f")(d))
}

// TestDamage is there at once, after a cut, and after a sync.
func TestDamage(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", []byte("abc"))
	f, err := d.Process().OpenFile("f", os.O_RDWR, 0)
	require.NoError(t, err)
	d.Damage("f", func(b []byte) []byte { b[1] ^= 1; return b[:2] })
	require.Equal(t, "ac", show("f")(d))
	require.NoError(t, f.Sync())
	require.Equal(t, map[string]int{"ac": seeds}, outcomes(d, show("f")))
}
