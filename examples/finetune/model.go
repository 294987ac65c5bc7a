package main

// This file is the network: a body that comes from a file, and a head that does not.

import (
	"errors"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/fb777929/kibisis/nn"
)

// body is that of body.py, by the same names.
type body struct {
	conv1, conv2 *nn.Conv2d
	bn1, bn2     *nn.BatchNorm
}

func newBody(s *nn.Scope) *body {
	same := &nn.Conv2dOptions{Padding: nn.Square(1)}
	return &body{
		conv1: nn.NewConv2d(s.Sub("conv1"), 1, 16, nn.Square(3), same),
		bn1:   nn.NewBatchNorm2d(s.Sub("bn1"), 16, nil),
		conv2: nn.NewConv2d(s.Sub("conv2"), 16, 32, nn.Square(3), same),
		bn2:   nn.NewBatchNorm2d(s.Sub("bn2"), 32, nil),
	}
}

const features = 32 * 3 * 3

// Forward makes features (B, 288) of images (B, 1, 28, 28).
func (b *body) Forward(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
	return nn.Sequential{
		b.conv1, b.bn1, nn.ReLU,
		nn.MaxPool2d{Window: nn.Square(2)},
		b.conv2, b.bn2, nn.ReLU,
		nn.MaxPool2d{Window: nn.Square(2)},
		nn.AvgPool2d{Window: nn.Square(3), Stride: nn.Square(2)},
		nn.Flatten,
	}.Forward(g, x)
}

// network is a frozen body under a head that learns.
type network struct {
	body, head *nn.Scope
	layers     *body
	classifier *nn.Linear
}

// pretrained is a network whose body is that of a file, mapped, and must be exactly that.
func pretrained(f *safetensors.File, seed uint64) (*network, error) {
	lender := checkpoint.NewLender(f)
	s := nn.NewScope(seed)
	n := newNetwork(s, s.Sub("body").Using(lender.Take))
	return n, errors.Join(s.Err(), lender.Unused())
}

// random is a network whose body knows nothing.
func random(seed uint64) (*network, error) {
	s := nn.NewScope(seed)
	return newNetwork(s, s.Sub("body")), s.Err()
}

func newNetwork(s, bodyScope *nn.Scope) *network {
	n := &network{body: bodyScope, head: s.Sub("head"), layers: newBody(bodyScope)}
	n.classifier = nn.NewLinear(n.head, features, classes, nil)
	n.body.Freeze()
	return n
}

// Forward makes logits (B, 5) of images (B, 1, 28, 28). The body is always as in evaluation: its
// running statistics stay those that it came with.
func (n *network) Forward(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
	return n.classifier.Forward(g, n.layers.Forward(g.Evaluating(), x))
}
