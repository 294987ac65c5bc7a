package store

// These tests have reads fail, or return a wrong bit, of a run that is whole.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// everyRead reads a run as a whole, once for each call that this makes, with a fault at that call.
func everyRead(t *testing.T, fault faulty.Fault, check func(call string, err error)) {
	t.Helper()
	disk := faulty.NewDisk()
	require.NoError(t, threeSaved(t, "/run", &Options{FS: disk.Process()}).Close())
	for fault.Call = 0; ; fault.Call++ {
		p := disk.Process()
		p.Inject(fault)
		err := readRun(t.Context(), p)
		if p.Calls() <= fault.Call {
			require.NoError(t, err)
			require.Greater(t, fault.Call, 30)
			return
		}
		check(p.Trace()[fault.Call], err)
	}
}

// readRun reads all that there is, and says what is not as it ought to be.
func readRun(ctx context.Context, p *faulty.Process) (err error) {
	r, err := OpenReadOnly("/run", &Options{FS: p})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	entries, err := r.List()
	if err != nil {
		return err
	}
	if len(entries) != 3 {
		return fmt.Errorf("%w: %d are listed", ErrDamaged, len(entries))
	}
	for _, e := range entries {
		if e.Err != nil {
			return e.Err
		}
		if err := checkVerified(ctx, r, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// TestWhatCannotBeReadIsNotDamaged, nor is it missing: it is the system's error.
func TestWhatCannotBeReadIsNotDamaged(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.EACCES, syscall.EMFILE, syscall.ESTALE} {
		everyRead(t, faulty.Fault{Err: errno}, func(call string, err error) {
			if strings.HasPrefix(call, "close ") {
				return // nothing was written
			}
			require.ErrorIs(t, err, errno, call)
			require.NotErrorIs(t, err, ErrDamaged, call)
			require.NotErrorIs(t, err, ErrNotFound, call)
		})
	}
}

// TestOneWrongBitInMemoryIsNoDamage: what is wrong is read again before it is believed.
func TestOneWrongBitInMemoryIsNoDamage(t *testing.T) {
	everyRead(t, faulty.Fault{Kind: faulty.Flip, Bit: 333}, func(call string, err error) {
		require.NoError(t, err, call)
	})
}

// TestWhatIsUsedIsWhatWasWritten: a file that is damaged after it was verified is found out when
// it is used.
func TestWhatIsUsedIsWhatWasWritten(t *testing.T) {
	r := newRun(t)
	c, err := r.store.Checkpoint(first)
	require.NoError(t, err)
	require.NoError(t, c.Verify(t.Context()))
	want := r.bytes(t, first, "state.json")
	for at := range want {
		other := append([]byte(nil), want...)
		other[at] ^= 1
		r.with(first, "state.json", other, func() {
			_, err := c.ReadAll("state.json")
			requireDamage(t, err, first, "state.json", at)
		})
	}
	r.with(first, "state.json", want[:3], func() {
		_, err := c.ReadAll("state.json")
		requireDamage(t, err, first, "state.json", "cut")
	})
	got, err := c.ReadAll("state.json")
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, c.Close())
}

// TestAFileThatIsALinkIsDamage, also where what is behind it has the right bytes: nobody keeps those.
func TestAFileThatIsALinkIsDamage(t *testing.T) {
	for _, name := range []string{"state.json", ManifestName} {
		r := newRun(t)
		at := r.path(first, name)
		r.disk.WriteFile("/run/elsewhere", r.bytes(t, first, name))
		require.NoError(t, r.disk.Process().Remove(at))
		r.disk.Symlink("../elsewhere", at)
		requireDamage(t, r.read(t, first), first, name)
	}
}
