package nn

import "testing"

func TestLinearIsPyTorchs(t *testing.T) {
	linear := func(in, out int, o *LinearOptions) build {
		return layer(func(s *Scope) *Linear { return NewLinear(s, in, out, o) })
	}
	parity(t, "linear", "matrix", true, linear(7, 5, nil))
	parity(t, "linear", "row", true, linear(33, 17, nil))
	parity(t, "linear", "vector", true, linear(7, 5, nil))
	parity(t, "linear", "deep", true, linear(7, 18, nil))
	parity(t, "linear", "no_bias", true, linear(19, 4, &LinearOptions{NoBias: true}))
	parity(t, "linear", "conv1d", true, layer(func(s *Scope) *Conv1D { return NewConv1D(s, 7, 5, nil) }))
}
