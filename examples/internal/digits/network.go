// Package digits is what the examples train: a network of two layers that reads
// handwritten digits, in plain Gorgonia. It touches no file.
//
//	trainer, err := digits.NewTrainer(digits.Random(seed), solver, nil)
//	tester := digits.NewPredictor(1000, digits.SharedWith(trainer.Network))
package digits

// This file is the network: 784 pixels, 128 hidden numbers, 10 digits. A graph has
// a fixed number of rows, so a program has one graph to train with and one to
// predict with.

import (
	"math"
	"math/rand/v2"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

const hidden = 128

// Network is one graph: logits = max(0, x*W1 + b1)*W2 + b2.
type Network struct {
	Weights G.Nodes // W1 [784, 128], b1 [128], W2 [128, 10], b2 [10]

	graph  *G.ExprGraph
	input  *tensor.Dense // x: [rows, 784], overwritten before each run
	logits *G.Node       // [rows, 10]
}

// A Source says where a weight's first values come from. A file is found again by
// the names of the nodes, so no two may be equal.
type Source func(name string, shape tensor.Shape) G.NodeConsOpt

// newNetwork builds the graph for inputs of the given number of rows. The hidden
// numbers are multiplied by mask [rows, 128], unless it is nil.
func newNetwork(rows int, from Source, mask *tensor.Dense) *Network {
	g := G.NewGraph()
	weight := func(name string, shape ...int) *G.Node {
		return G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name), from(name, shape))
	}
	w1, b1 := weight("fc1.weight", mnist.Pixels, hidden), weight("fc1.bias", hidden)
	w2, b2 := weight("fc2.weight", hidden, mnist.Classes), weight("fc2.bias", mnist.Classes)

	input := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(rows, mnist.Pixels))
	x := G.NewMatrix(g, tensor.Float32, G.WithName("x"), G.WithValue(input))
	h := G.Must(G.Rectify(affine(x, w1, b1)))
	if mask != nil {
		h = G.Must(G.HadamardProd(h, G.NewMatrix(g, tensor.Float32, G.WithName("mask"), G.WithValue(mask))))
	}
	return &Network{graph: g, input: input, logits: affine(h, w2, b2), Weights: G.Nodes{w1, b1, w2, b2}}
}

// Model is the network as saving and loading see it: its weights, under the names of their nodes.
func (n *Network) Model() checkpoint.Model { return checkpoint.FromNodes(n.Weights...) }

// affine is x*W + b, with b added to each row.
func affine(x, w, b *G.Node) *G.Node {
	return G.Must(G.BroadcastAdd(G.Must(G.Mul(x, w)), b, nil, []byte{0}))
}

// Random draws weights as He et al. (arXiv:1502.01852) do for max(0, x), and zero
// for each bias. Gorgonia's own initialisers are seeded by the clock; with this
// one, equal seeds give equal networks.
func Random(seed uint64) Source {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(_ string, shape tensor.Shape) G.NodeConsOpt {
		if len(shape) == 1 {
			return G.WithInit(G.Zeroes())
		}
		scale := math.Sqrt(2 / float64(shape[0]))
		return G.WithInit(func(_ tensor.Dtype, shape ...int) any {
			v := make([]float32, tensor.Shape(shape).TotalSize())
			for i := range v {
				v[i] = float32(rng.NormFloat64() * scale)
			}
			return v
		})
	}
}

// Zeros makes a network that knows nothing, to load a file into.
func Zeros(string, tensor.Shape) G.NodeConsOpt { return G.WithInit(G.Zeroes()) }

// SharedWith makes a graph over the very tensors of another one, so that what
// one learns the other knows.
func SharedWith(n *Network) Source {
	return func(name string, _ tensor.Shape) G.NodeConsOpt {
		return G.WithValue(n.graph.ByName(name)[0].Value())
	}
}
