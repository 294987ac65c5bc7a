package nn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// multihead is a MultiheadAttention of the inputs q, k and v, of which those left out are the one
// that names says, with mask and padding if they are there.
func multihead(width, heads int, key, value string, o *MultiheadOptions, causal bool) build {
	return func(s *Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
		l := NewMultiheadAttention(s, width, heads, o)
		return func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node {
			return l.Forward(g, in["q"], in[key], in[value], &AttentionMask{Causal: causal, Mask: in["mask"], KeyPadding: in["padding"]})
		}
	}
}

func TestMultiheadAttentionIsPyTorchs(t *testing.T) {
	parity(t, "attention", "mha.self", true, multihead(6, 3, "q", "q", nil, false))
	parity(t, "attention", "mha.no_bias", true, multihead(6, 2, "q", "q", &MultiheadOptions{NoBias: true}, false))
	parity(t, "attention", "mha.cross", true, multihead(6, 3, "k", "k", nil, false))
	parity(t, "attention", "mha.three", true, multihead(6, 3, "k", "v", nil, false))
	parity(t, "attention", "mha.same_key", true, multihead(6, 3, "q", "v", nil, false))
	parity(t, "attention", "mha.mask", true, multihead(6, 3, "q", "q", nil, false))
	parity(t, "attention", "mha.padding", true, multihead(6, 3, "q", "q", nil, false))
	parity(t, "attention", "mha.both", true, multihead(6, 2, "q", "q", nil, true))
}

func TestMultiheadAttentionGradients(t *testing.T) {
	gradients(t,
		trial{name: "self", shapes: map[string]tensor.Shape{"q": {1, 3, 4}}, model: multihead(4, 2, "q", "q", nil, false)},
		trial{name: "cross", shapes: map[string]tensor.Shape{"q": {2, 3, 4}, "k": {2, 5, 4}}, model: multihead(4, 1, "k", "k", &MultiheadOptions{Dropout: 0.3}, false)},
	)
}

// TestMultiheadAttentionBegins: the weights before are U(-b, b) with b = sqrt(6 / (D + 3 D)), wider
// than those of dense layers, and all biases are zeros.
func TestMultiheadAttentionBegins(t *testing.T) {
	l := NewMultiheadAttention(NewScope(1), 64, 4, nil)
	most := 0.0
	for _, x := range numbers(l.InWeight.Value()) {
		most = max(most, math.Abs(x))
	}
	require.InEpsilon(t, math.Sqrt(6./256), most, 0.01)
	require.Equal(t, make([]float64, 3*64), numbers(l.InBias.Value()))
	require.Equal(t, make([]float64, 64), numbers(l.Out.Bias.Value()))
}

// TestLinearPartWritesItsWholeGradient: whoever overwrote it after the run before, as Gorgonia does
// where it sums gradients.
func TestLinearPartWritesItsWholeGradient(t *testing.T) {
	s, g := NewScope(1), TrainGraph(nil)
	w, x := s.Param("w", Ones, 3, 2), g.Input("x", tensor.Float32, 1, 2)
	copy(x.Value().Data().([]float32), []float32{5, 7})
	y, err := op.LinearPart(g.tape, x, g.Node(w), nil, 1, 1)
	require.NoError(t, err)
	learnables, err := g.Grad(MSELoss(g, y, g.Input("target", tensor.Float32, 1, 1), &MSEOptions{Sum: true}))
	require.NoError(t, err)
	machine, err := g.Machine()
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, machine.Run())
		grad, err := learnables[0].Grad()
		require.NoError(t, err)
		require.Equal(t, []float32{0, 0, 120, 168, 0, 0}, grad.Data())
		for i, data := 0, grad.Data().([]float32); i < len(data); i++ {
			data[i] = 9
		}
	}
}

func TestMultiheadAttentionRefuses(t *testing.T) {
	s := NewScope(1)
	NewMultiheadAttention(s.Sub("attn"), 6, 4, nil)
	require.ErrorContains(t, s.Err(), `"attn.in_proj_weight": width 6 is not 4 heads`)

	s, g := NewScope(1), EvalGraph()
	l := NewMultiheadAttention(s.Sub("attn"), 6, 3, nil)
	require.NoError(t, s.Err())
	x := g.Input("x", tensor.Float32, 2, 5, 7)
	l.Forward(g, x, x, x, nil)
	require.ErrorContains(t, g.Err(), "attn: x is (2, 5, 7), and outputs 0 to 17 are of a weight (18, 6)")
}
