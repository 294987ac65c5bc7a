package op

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The gradient of a sum is handed on as it is: there is no node that copies it.
func TestSumsPassTheirGradient(t *testing.T) {
	g := gorgonia.NewGraph()
	tape := NewTape()
	leaf := func(name string, shape ...int) *gorgonia.Node {
		value := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(shape...))
		return gorgonia.NewTensor(g, tensor.Float64, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(value))
	}
	a, b, row, weights := leaf("a", 2, 3), leaf("b", 2, 3), leaf("row", 3), leaf("weights", 2, 3)
	tape.Fix(weights)
	sum, err := Add(tape, a, b)
	require.NoError(t, err)
	more, err := Add(tape, sum, row)
	require.NoError(t, err)
	loss, err := Dot(tape, more, weights)
	require.NoError(t, err)
	grads, err := gorgonia.Grad(loss, a, b, row)
	require.NoError(t, err)
	require.Same(t, grads[0], grads[1])
	require.Same(t, more.Deriv(), grads[0])
	require.Equal(t, "add_grad", grads[2].Op().(*backward[float64]).name)
	require.Equal(t, []int{3}, []int(grads[2].Shape()))
}
