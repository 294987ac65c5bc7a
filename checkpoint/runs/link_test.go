package runs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
)

// TestUnchangedFilesAreLinked saves a frozen part beside a trained one, eight times.
func TestUnchangedFilesAreLinked(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	frozen := newLoop(t, tensor.Float32, 2, adam())
	parts := append(l.parts(), Named("backbone", Weights(frozen.model())))
	r := newRun(t, path, &Options{LinkUnchanged: true, KeepLast: 20})
	_, err := r.Restore(t.Context(), parts...)
	require.NoError(t, err)
	var inodes []os.FileInfo
	for step := range int64(8) {
		l.step()
		require.NoError(t, r.Save(t.Context(), step+1, nil))
	}
	list, err := r.Checkpoints()
	require.NoError(t, err)
	for _, c := range list {
		info, err := os.Stat(filepath.Join(path, c.ID, "backbone.safetensors"))
		require.NoError(t, err)
		inodes = append(inodes, info)
	}
	require.Len(t, inodes, 8)
	for i := range 7 {
		fresh := i%4 == 3 // each fourth is written again
		require.Equal(t, !fresh, os.SameFile(inodes[i], inodes[i+1]), "checkpoints %d and %d", i, i+1)
	}
	require.NoError(t, r.Finish(t.Context()))

	want := frozen.bits()
	other := newLoop(t, tensor.Float32, 3, adam())
	r = newRun(t, path, &Options{From: AtStep(7)})
	again := newLoop(t, tensor.Float32, 4, adam())
	_, err = r.Restore(t.Context(), append(again.parts(), Named("backbone", Weights(other.model())))...)
	require.NoError(t, err)
	require.Equal(t, want, other.bits())
	require.NoError(t, r.Close())
}

// TestADamagedFileIsNotLinked damages what the next save would link.
func TestADamagedFileIsNotLinked(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	r := newRun(t, path, &Options{LinkUnchanged: true})
	_, err := r.Restore(t.Context(), Weights(l.model()))
	require.NoError(t, err)
	require.NoError(t, r.Save(t.Context(), 1, nil))
	file := filepath.Join(path, "step-000000000001-g000001", "model.safetensors")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	b[len(b)-1] ^= 1
	require.NoError(t, os.WriteFile(file, b, 0o666))
	require.NoError(t, r.Save(t.Context(), 2, nil))
	other := newLoop(t, tensor.Float32, 2, adam())
	_, err = checkpoint.LoadModel(t.Context(), filepath.Join(path, "step-000000000002-g000001", "model.safetensors"), other.model(), nil)
	require.NoError(t, err)
	require.Equal(t, l.bits(), other.bits())
	require.NoError(t, r.Close())
}

// TestAChangedFileIsNotLinked, though nothing but its numbers has changed.
func TestAChangedFileIsNotLinked(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	r := newRun(t, path, &Options{LinkUnchanged: true})
	_, err := r.Restore(t.Context(), l.parts()...)
	require.NoError(t, err)
	for step := range int64(3) {
		l.step()
		require.NoError(t, r.Save(t.Context(), step+1, nil))
	}
	require.NoError(t, r.Finish(t.Context()))
	other := newLoop(t, tensor.Float32, 2, adam())
	r = newRun(t, path, &Options{ReadOnly: true})
	_, err = r.Restore(t.Context(), other.parts()...)
	require.NoError(t, err)
	require.Equal(t, l.bits(), other.bits())
	require.NoError(t, r.Close())
}
