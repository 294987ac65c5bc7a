package runs

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// TestMemoryIsThereBeforeTheFirstCopy, which then takes it, whatever the loop does meanwhile.
func TestMemoryIsThereBeforeTheFirstCopy(t *testing.T) {
	for _, steps := range []int64{1, 2} {
		l, path := newLoop(t, tensor.Float32, 1, adam()), runPath(t)
		r := newRun(t, path, &Options{EverySteps: steps})
		_, err := r.Restore(t.Context(), l.parts()...)
		require.NoError(t, err)
		require.Nil(t, r.snaps.buffer)
		l.step()
		require.NoError(t, r.SaveIfDue(t.Context(), 1, nil))
		require.NotEmpty(t, r.snaps.buffer)
		require.Equal(t, steps > 1, r.snaps.warming != nil, "a step that is saved needs it at once")
		ready := unsafe.SliceData(r.snaps.buffer)
		l.step()
		require.NoError(t, r.SaveIfDue(t.Context(), 2, nil))
		require.Equal(t, ready, unsafe.SliceData(r.snaps.buffer))
		want := l.bits()
		require.NoError(t, r.Finish(t.Context()))

		other := newLoop(t, tensor.Float32, 2, adam())
		again := newRun(t, path, nil)
		restored, err := again.Restore(t.Context(), other.parts()...)
		require.NoError(t, err)
		require.EqualValues(t, 2, restored.Step)
		require.Equal(t, want, other.bits())
		require.NoError(t, again.Close())
	}
}

// TestMemoryOfAStateThatGrows while it is made ready is let go of first.
func TestMemoryOfAStateThatGrows(t *testing.T) {
	s := &snapshotter{}
	require.NoError(t, s.grow(64<<20))
	s.warming = warm(s.buffer)
	require.NoError(t, s.grow(65<<20))
	require.Nil(t, s.warming)
	require.Len(t, s.buffer, 65<<20)
	s.warming = warm(s.buffer)
	s.buffer[len(s.buffer)-1] = 1
	s.warming.done.Wait()
	require.Equal(t, byte(1), s.buffer[len(s.buffer)-1], "what is written meanwhile stays")
	require.NoError(t, s.release())
}
