package main

// This file is the network.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/fb777929/kibisis/nn"
)

// network is two convolutions with batch normalisation, and two dense layers. In PyTorch,
// a module with attributes of these names has the same state dict.
type network struct {
	conv1, conv2 *nn.Conv2d
	bn1, bn2     *nn.BatchNorm
	fc1, fc2     *nn.Linear
}

func newNetwork(s *nn.Scope) *network {
	same := &nn.Conv2dOptions{Padding: nn.Square(1)}
	return &network{
		conv1: nn.NewConv2d(s.Sub("conv1"), 1, 32, nn.Square(3), same),
		bn1:   nn.NewBatchNorm2d(s.Sub("bn1"), 32, nil),
		conv2: nn.NewConv2d(s.Sub("conv2"), 32, 64, nn.Square(3), same),
		bn2:   nn.NewBatchNorm2d(s.Sub("bn2"), 64, nil),
		fc1:   nn.NewLinear(s.Sub("fc1"), 64*7*7, 128, nil),
		fc2:   nn.NewLinear(s.Sub("fc2"), 128, mnist.Classes, nil),
	}
}

// Forward makes logits (B, 10) of images (B, 1, 28, 28).
func (n *network) Forward(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
	half := nn.MaxPool2d{Window: nn.Square(2)}
	return nn.Sequential{
		n.conv1, n.bn1, nn.ReLU, half,
		n.conv2, n.bn2, nn.ReLU, half,
		nn.Flatten, n.fc1, nn.ReLU, nn.Dropout(0.3), n.fc2,
	}.Forward(g, x)
}
