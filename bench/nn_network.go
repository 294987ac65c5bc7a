package main

// This file is the networks of -nn, and the file from which every way of computing them takes weights
// and data.

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/nn"
)

// A network is its kind and its sizes. peer_nn.py makes the same of the same.
type network struct {
	Name  string `json:"name"` // its kind
	Batch int    `json:"batch"`
	// Widths are those of the layers of an MLP, from input to output; the channels of a CNN, from input to
	// the second convolution, and the dense layer behind it; the width of a Transformer, and that between its
	// dense layers.
	Widths  []int `json:"widths"`
	Classes int   `json:"classes"`
	Side    int   `json:"side"` // of the images of a CNN
	Moments int   `json:"moments"`
	Heads   int   `json:"heads"`
	Layers  int   `json:"layers"`
}

const (
	mlp         = "mlp"
	cnn         = "cnn"
	transformed = "transformer"
)

// networks are those that are measured, or, for a quick look, small ones of the same kinds.
func networks(quick bool) []network {
	if quick {
		return []network{
			{Name: mlp, Batch: 8, Widths: []int{20, 16, 16, 10}, Classes: 10},
			{Name: cnn, Batch: 4, Widths: []int{1, 4, 8, 16}, Classes: 10, Side: 8},
			{Name: transformed, Batch: 2, Widths: []int{16, 32}, Classes: 10, Moments: 8, Heads: 2, Layers: 2},
		}
	}
	return []network{
		{Name: mlp, Batch: 128, Widths: []int{784, 512, 512, 10}, Classes: 10},
		{Name: cnn, Batch: 64, Widths: []int{1, 32, 64, 128}, Classes: 10, Side: 28},
		{Name: transformed, Batch: 16, Widths: []int{384, 1536}, Classes: 10, Moments: 64, Heads: 6, Layers: 6},
	}
}

func (n network) String() string {
	switch n.Name {
	case mlp:
		return fmt.Sprintf("MLP %v, batch %d", n.Widths, n.Batch)
	case cnn:
		return fmt.Sprintf("CNN of %dx%d images, channels %v, batch %d", n.Side, n.Side, n.Widths[:3], n.Batch)
	}
	return fmt.Sprintf("Transformer, %d layers of width %d, %d heads, batch %d x %d", n.Layers, n.Widths[0], n.Heads, n.Batch, n.Moments)
}

// input is the shape of so many rows of data.
func (n network) input(rows int) tensor.Shape {
	switch n.Name {
	case mlp:
		return tensor.Shape{rows, n.Widths[0]}
	case cnn:
		return tensor.Shape{rows, n.Widths[0], n.Side, n.Side}
	}
	return tensor.Shape{rows, n.Moments, n.Widths[0]}
}

// flat is the numbers that the convolutions of a CNN leave of an image: two poolings halve each side.
func (n network) flat() int { return n.Widths[2] * (n.Side / 4) * (n.Side / 4) }

// layer makes the network, of this repository's layers.
func (n network) layer(s *nn.Scope) nn.Layer {
	switch n.Name {
	case mlp:
		return nn.Sequential{
			nn.NewLinear(s.Index(0), n.Widths[0], n.Widths[1], nil), nn.ReLU,
			nn.NewLinear(s.Index(2), n.Widths[1], n.Widths[2], nil), nn.ReLU,
			nn.NewLinear(s.Index(4), n.Widths[2], n.Classes, nil),
		}
	case cnn:
		same, half := &nn.Conv2dOptions{Padding: nn.Square(1)}, nn.MaxPool2d{Window: nn.Square(2)}
		return nn.Sequential{
			nn.NewConv2d(s.Index(0), n.Widths[0], n.Widths[1], nn.Square(3), same),
			nn.NewBatchNorm2d(s.Index(1), n.Widths[1], nil), nn.ReLU, half,
			nn.NewConv2d(s.Index(4), n.Widths[1], n.Widths[2], nn.Square(3), same),
			nn.NewBatchNorm2d(s.Index(5), n.Widths[2], nil), nn.ReLU, half,
			nn.Flatten,
			nn.NewLinear(s.Index(9), n.flat(), n.Widths[3], nil), nn.ReLU,
			nn.NewLinear(s.Index(11), n.Widths[3], n.Classes, nil),
		}
	}
	var all nn.Sequential
	for i := range n.Layers {
		all = append(all, nn.NewTransformerEncoderLayer(s.Sub("layers").Index(i), n.Widths[0], n.Heads, &nn.TransformerOptions{
			FeedForward: n.Widths[1], Dropout: new(float64), Activation: nn.GELU,
		}))
	}
	mean := nn.Func(func(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Mean(g, x, 1) })
	return append(all, mean, nn.NewLinear(s.Sub("head"), n.Widths[0], n.Classes, nil))
}

// networkKey is the metadata of a file that says what network it is of.
const networkKey = "network"

// write makes a file of weights and of one batch, the same in every run.
func (n network) write(ctx context.Context, path string) error {
	s := nn.NewScope(1)
	n.layer(s)
	if err := s.Err(); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	x, labels := make([]float32, n.input(n.Batch).TotalSize()), make([]int, n.Batch)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	for i := range labels {
		labels[i] = random.IntN(n.Classes)
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	batch := map[string]*tensor.Dense{
		"x":     tensor.New(tensor.WithShape(n.input(n.Batch)...), tensor.WithBacking(x)),
		"label": tensor.New(tensor.WithShape(n.Batch), tensor.WithBacking(labels)),
	}
	return checkpoint.SaveModel(ctx, path, withBatch(s, batch), &checkpoint.SaveOptions{
		NoSync: true, Metadata: map[string]string{networkKey: string(text)},
	})
}

// withBatch is what a file holds.
func withBatch[V gorgonia.Value](weights checkpoint.Model, batch map[string]V) checkpoint.Model {
	return checkpoint.Group(map[string]checkpoint.Model{"": weights, "batch": checkpoint.FromValues(batch)})
}
