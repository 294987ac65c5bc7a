package nn_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/nn"
)

func TestUseBLASIsWhatGorgoniaAndCheckpointsSee(t *testing.T) {
	require.Implements(t, (*fmt.Stringer)(nil), tensor.WhichBLAS(), "importing nn installs it")
	t.Cleanup(func() {
		_, err := nn.UseBLAS("")
		require.NoError(t, err)
	})
	gorgonia.Use(gonum.Implementation{})
	for _, name := range []string{"gonum", "auto", ""} {
		used, err := nn.UseBLAS(name)
		require.NoError(t, err)
		require.Regexp(t, `^(gonum|openblas)`, used)
		require.Equal(t, used, fmt.Sprint(tensor.WhichBLAS()))
		require.Equal(t, used, fmt.Sprint(gorgonia.WhichBLAS()))
	}
}

func TestUseBLASOfWhatIsNotThere(t *testing.T) {
	before := fmt.Sprint(tensor.WhichBLAS())
	_, err := nn.UseBLAS("/no/such/library.so")
	require.Error(t, err)
	require.Equal(t, before, fmt.Sprint(tensor.WhichBLAS()))
}

func TestAnotherBLASIsToldOfAtAResume(t *testing.T) {
	t.Cleanup(func() {
		_, err := nn.UseBLAS("")
		require.NoError(t, err)
	})
	dir := t.TempDir()
	resume := func(with string) (name string, restored *runs.Restored) {
		name, err := nn.UseBLAS(with)
		if err != nil {
			t.Skip("there is no second BLAS: ", err)
		}
		s := nn.NewScope(1)
		nn.NewLinear(s.Sub("fc"), 2, 2, nil)
		run, err := runs.Open(dir, &runs.Options{Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		defer func() { require.NoError(t, run.Close()) }()
		restored, err = run.Restore(t.Context(), runs.Weights(s))
		require.NoError(t, err)
		require.NoError(t, run.Save(t.Context(), restored.Step+1, nil))
		return name, restored
	}
	was, _ := resume("gonum")
	_, same := resume("gonum")
	require.Empty(t, same.Changed)
	is, restored := resume("openblas")
	require.Len(t, restored.Changed, 1)
	require.Equal(t, "BLAS", restored.Changed[0].What)
	require.Equal(t, was, restored.Changed[0].Was)
	require.Equal(t, is, restored.Changed[0].Is)
}
