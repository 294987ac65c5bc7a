package nn

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// block is a Transformer's block of the input x, with a padding mask if there is one.
func block(o TransformerOptions, causal bool) build {
	o.FeedForward = 9
	return func(s *Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
		l := NewTransformerEncoderLayer(s, 6, 2, &o)
		return func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node {
			return l.ForwardMasked(g, in["x"], &AttentionMask{Causal: causal, KeyPadding: in["padding"]})
		}
	}
}

func TestTransformerEncoderLayerIsPyTorchs(t *testing.T) {
	none := new(0.0)
	parity(t, "attention", "block.last", true, block(TransformerOptions{Dropout: none}, false))
	parity(t, "attention", "block.first", true, block(TransformerOptions{Dropout: none, NormFirst: true}, false))
	parity(t, "attention", "block.gelu", true, block(TransformerOptions{Dropout: none, NormFirst: true, Activation: GELU, NoBias: true}, false))
	parity(t, "attention", "block.eps", true, block(TransformerOptions{Dropout: none, Eps: 0.1}, false))
	parity(t, "attention", "block.masked", true, block(TransformerOptions{Dropout: none}, true))
	parity(t, "attention", "block.last", false, block(TransformerOptions{}, false)) // nothing drops out in evaluation
}

func TestTransformerEncoderLayerGradients(t *testing.T) {
	x := map[string]tensor.Shape{"x": {2, 3, 6}}
	gradients(t,
		trial{name: "last", shapes: x, model: block(TransformerOptions{Activation: GELU}, false)},
		trial{name: "first", shapes: x, model: block(TransformerOptions{Activation: GELUTanh, NormFirst: true}, true)},
	)
}
