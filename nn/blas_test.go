package nn_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

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
