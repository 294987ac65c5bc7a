package runs

// These tests are about which older state is taken for a newer one, and when none is.

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// restoreFrom restores a run for reading, through the process.
func restoreFrom(t *testing.T, p *faulty.Process, l *loop) (*Restored, error) {
	t.Helper()
	r, err := Open("/runs/test", &Options{ReadOnly: true, fs: p, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	restored, err := r.Restore(t.Context(), l.parts()...)
	_ = r.Close() // nothing was written through it
	return restored, err
}

// TestFallingBackStaysOnTheLineage: the head is damaged, and the claim that says what was abandoned is
// gone. What is newest by its number then is no part of the run all the same.
func TestFallingBackStaysOnTheLineage(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 10, KeepLast: 10})
	for _, step := range []int64{10, 20, 30} {
		l.step()
		require.NoError(t, d.saves(step, nil))
	}
	_, err := d.Rollback(t.Context(), AtStep(10))
	require.NoError(t, err)
	require.NoError(t, d.saves(40, nil))
	require.NoError(t, d.Close())
	for _, name := range []string{"step-000000000010-g000002/manifest.json", "step-000000000040-g000002/model.safetensors"} {
		d.disk.Damage("/runs/test/"+name, func(b []byte) []byte {
			b[len(b)-10] ^= 1
			return b
		})
	}
	require.NoError(t, d.disk.Process().Remove("/runs/test/writer-g000002"))
	restored, err := restoreFrom(t, d.disk.Process(), l)
	require.NoError(t, err)
	require.Equal(t, "step-000000000010-g000001", restored.From)
	require.Len(t, restored.Skipped, 2)
}

// TestWhatCannotBeReadIsNotPassedOver: whichever call of a restore fails, the newest state is restored, or
// none.
func TestWhatCannotBeReadIsNotPassedOver(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1})
	for step := range int64(3) {
		l.step()
		require.NoError(t, d.saves(step+1, nil))
	}
	require.NoError(t, d.Close())
	want, failed := l.bits(), 0
	for call := 0; ; call++ {
		other := newLoop(t, tensor.Float32, 2, adam())
		before := other.bits()
		p := d.disk.Process()
		p.Inject(faulty.Fault{Call: call})
		restored, err := restoreFrom(t, p, other)
		if p.Calls() <= call {
			require.NoError(t, err)
			break
		}
		if err != nil {
			failed++
			require.NotErrorIs(t, err, ErrNoUsable, p.Trace()[call])
			require.Equal(t, before, other.bits(), p.Trace()[call])
			continue
		}
		require.EqualValues(t, 3, restored.Step, p.Trace()[call])
		require.Equal(t, want, other.bits(), p.Trace()[call])
	}
	require.Greater(t, failed, 20)
}

// TestARunIsNotBegunOverWhatWasSetAside: all that there was is damaged, and a person has to decide.
func TestARunIsNotBegunOverWhatWasSetAside(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1})
	require.NoError(t, d.saves(1, nil))
	require.NoError(t, d.Close())
	require.NoError(t, d.disk.Process().Rename("/runs/test/step-000000000001-g000001", "/runs/test/damaged-step-000000000001-g000001"))
	_, err := restoreFrom(t, d.disk.Process(), l)
	require.ErrorIs(t, err, ErrNoUsable)
	require.ErrorContains(t, err, "damaged-step-000000000001-g000001")
}
