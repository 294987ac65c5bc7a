package nn

// This file is a block of a Transformer.

import "gorgonia.org/gorgonia"

// TransformerEncoderLayer is torch.nn.TransformerEncoderLayer with batch_first=True (Vaswani et al.
// 2017, arXiv 1706.03762): attention of x (B, T, D) to itself, then two dense layers with an
// activation between, each with a residual connection and a norm, which is behind the sum, or
// before the layers with NormFirst.
type TransformerEncoderLayer struct {
	SelfAttention    *MultiheadAttention
	Linear1, Linear2 *Linear
	Norm1, Norm2     *LayerNorm
	Activation       Layer
	Dropout          Dropout
	NormFirst        bool
}

// TransformerOptions change what a block is. Nil, or its zero value, is what PyTorch does.
type TransformerOptions struct {
	FeedForward int      // the width between the dense layers; 0: 2048
	Dropout     *float64 // of probabilities, activations and results; nil: 0.1
	Activation  Layer    // nil: ReLU
	NormFirst   bool
	NoBias      bool    // in any layer, norms among them
	Eps         float64 // of the norms; 0: 1e-5
}

// NewTransformerEncoderLayer makes s's "self_attn.*", "linear1.*", "linear2.*", "norm1.*" and
// "norm2.*". The width is D.
func NewTransformerEncoderLayer(s *Scope, width, heads int, o *TransformerOptions) *TransformerEncoderLayer {
	if o == nil {
		o = &TransformerOptions{}
	}
	between, dropout := o.FeedForward, 0.1
	if between == 0 {
		between = 2048
	}
	if o.Dropout != nil {
		dropout = *o.Dropout
	}
	l := &TransformerEncoderLayer{Activation: o.Activation, Dropout: Dropout(dropout), NormFirst: o.NormFirst}
	if l.Activation == nil {
		l.Activation = ReLU
	}
	norm := &NormOptions{Eps: o.Eps, NoBias: o.NoBias}
	linear := &LinearOptions{NoBias: o.NoBias}
	l.SelfAttention = NewMultiheadAttention(s.Sub("self_attn"), width, heads, &MultiheadOptions{NoBias: o.NoBias, Dropout: dropout})
	l.Linear1 = NewLinear(s.Sub("linear1"), width, between, linear)
	l.Linear2 = NewLinear(s.Sub("linear2"), between, width, linear)
	l.Norm1 = NewLayerNorm(s.Sub("norm1"), width, norm)
	l.Norm2 = NewLayerNorm(s.Sub("norm2"), width, norm)
	return l
}

// Forward is ForwardMasked without a mask.
func (l *TransformerEncoderLayer) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return l.ForwardMasked(g, x, nil)
}

// ForwardMasked adds the block for x (B, T, D). mask may be nil.
func (l *TransformerEncoderLayer) ForwardMasked(g *Graph, x *gorgonia.Node, mask *AttentionMask) *gorgonia.Node {
	if l.NormFirst {
		x = Add(g, x, l.attention(g, l.Norm1.Forward(g, x), mask))
		return Add(g, x, l.feedForward(g, l.Norm2.Forward(g, x)))
	}
	x = l.Norm1.Forward(g, Add(g, x, l.attention(g, x, mask)))
	return l.Norm2.Forward(g, Add(g, x, l.feedForward(g, x)))
}

func (l *TransformerEncoderLayer) attention(g *Graph, x *gorgonia.Node, mask *AttentionMask) *gorgonia.Node {
	return l.Dropout.Forward(g, l.SelfAttention.Forward(g, x, x, x, mask))
}

func (l *TransformerEncoderLayer) feedForward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	x = l.Dropout.Forward(g, l.Activation.Forward(g, l.Linear1.Forward(g, x)))
	return l.Dropout.Forward(g, l.Linear2.Forward(g, x))
}
