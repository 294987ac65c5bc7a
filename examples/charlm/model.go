package main

// This file is the network.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn"
)

const (
	moments = 64 // letters that it sees at once
	width   = 128
	heads   = 4
	depth   = 3
	dropped = 0.1
)

// gpt predicts the next letter at each moment.
type gpt struct {
	embedding *nn.Embedding
	positions *nn.Param
	blocks    []*nn.TransformerEncoderLayer
	norm      *nn.LayerNorm
	head      *nn.Linear // its weight is the embedding's
}

func newGPT(s *nn.Scope, letters int) *gpt {
	dropout := dropped
	small := nn.Normal(0, 0.02)
	n := &gpt{
		embedding: nn.NewEmbedding(s.Sub("embedding"), letters, width, &nn.EmbeddingOptions{Init: small}),
		positions: s.Param("positions", small, moments, width),
		norm:      nn.NewLayerNorm(s.Sub("norm"), width, nil),
	}
	for i := range depth {
		n.blocks = append(n.blocks, nn.NewTransformerEncoderLayer(s.Sub("blocks").Index(i), width, heads, &nn.TransformerOptions{
			FeedForward: 4 * width, Dropout: &dropout, Activation: nn.GELU, NormFirst: true,
		}))
	}
	n.head = nn.NewLinear(s.Sub("head"), width, letters, &nn.LinearOptions{Weight: n.embedding.Weight, NoBias: true})
	return n
}

// Forward makes logits (B, T, V) of letters (B, T).
func (n *gpt) Forward(g *nn.Graph, letters *gorgonia.Node) *gorgonia.Node {
	x := nn.Add(g, n.embedding.Forward(g, letters), g.Node(n.positions))
	x = nn.Dropout(dropped).Forward(g, x)
	for _, block := range n.blocks {
		x = block.ForwardMasked(g, x, &nn.AttentionMask{Causal: true})
	}
	return n.head.Forward(g, n.norm.Forward(g, x))
}
