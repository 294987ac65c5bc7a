package nn_test

// This file trains on one core and on several.

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn"
	"github.com/fb777929/kibisis/nn/optim"
)

// wide are networks that are computed in several blocks, which those of families.go are too small for.
var wide = []family{
	{
		name: "wide cnn", x: []int{33, 1, 14, 14}, y: []int{33},
		model: func(s *nn.Scope, dropout float64) nn.Func {
			return nn.Sequential{
				nn.NewConv2d(s.Sub("conv1"), 1, 16, nn.Square(3), &nn.Conv2dOptions{Padding: nn.Square(1)}),
				nn.NewBatchNorm2d(s.Sub("bn1"), 16, nil), nn.ReLU,
				nn.MaxPool2d{Window: nn.Square(2)},
				nn.NewConv2d(s.Sub("conv2"), 16, 32, nn.Square(2), nil), nn.SiLU,
				nn.NewGroupNorm(s.Sub("gn"), 4, 32, nil),
				nn.AvgPool2d{Window: nn.Square(2)},
				nn.Flatten, nn.Dropout(dropout),
				nn.NewLinear(s.Sub("fc"), 32*9, 4, nil),
			}.Forward
		},
		solver: adam,
	},
	{
		name: "wide decoder", x: []int{5, 65}, y: []int{5, 65}, below: 301,
		model: func(s *nn.Scope, dropout float64) nn.Func {
			embedding := nn.NewEmbedding(s.Sub("embedding"), 301, 96, nil)
			block := nn.NewTransformerEncoderLayer(s.Sub("block"), 96, 3, &nn.TransformerOptions{
				FeedForward: 384, Dropout: &dropout, Activation: nn.GELU,
			})
			head := nn.NewLinear(s.Sub("head"), 96, 301, &nn.LinearOptions{NoBias: true, Weight: embedding.Weight})
			return func(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
				x = nn.Rotary(g, embedding.Forward(g, x), &nn.RotaryOptions{Heads: 3})
				return head.Forward(g, block.ForwardMasked(g, x, &nn.AttentionMask{Causal: true}))
			}
		},
		solver: adam,
	},
	{
		name: "wide lstm", x: []int{40, 5}, y: []int{40}, below: 301,
		model: func(s *nn.Scope, dropout float64) nn.Func {
			embedding := nn.NewEmbedding(s.Sub("embedding"), 301, 70, nil)
			lstm := nn.NewLSTM(s.Sub("lstm"), 70, 130, &nn.RecurrentOptions{Dropout: dropout, Bidirectional: true, Layers: 2})
			gru := nn.NewGRU(s.Sub("gru"), 260, 90, nil)
			head := nn.NewLinear(s.Sub("head"), 90, 4, nil)
			return func(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
				x = gru.Forward(g, lstm.Forward(g, embedding.Forward(g, x)))
				return head.Forward(g, nn.Select(g, x, 1, -1))
			}
		},
		solver: adam,
	},
}

func adam(l []gorgonia.ValueGrad) (*optim.Solver, error) {
	return optim.NewAdamW(l, &optim.AdamWOptions{LearningRate: 0.001, ClipNorm: 1})
}

// steps is twenty, and fewer for large networks where they are slow.
func steps(f family, dt tensor.Dtype) int {
	switch {
	case raced:
		return 1
	case strings.HasPrefix(f.name, "wide") && (testing.Short() || dt == tensor.Float64):
		return 2
	}
	return 20
}

func TestBitsDoNotDependOnTheNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, f := range append(wide, families...) {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprintf("%s/%v", f.name, dt), func(t *testing.T) {
				var first []byte
				for _, cores := range []int{1, 2, 8} {
					runtime.GOMAXPROCS(cores)
					k := newTask(t, f, dt, fewer)
					fill(k)
					for range steps(f, dt) {
						k.step(t)
					}
					sum := hash(k.scope.StateDict(), k.solver.StateDict())
					if first == nil {
						first = sum
					}
					require.Equalf(t, first, sum, "on %d cores", cores)
				}
			})
		}
	}
}

// fill gives a task one batch, of its own making.
func fill(k *task) {
	rng := rand.New(rand.NewPCG(5, 6))
	switch x := k.x.Value().Data().(type) {
	case []int:
		for i := range x {
			x[i] = rng.IntN(k.of.below)
		}
	case []float32:
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
	case []float64:
		for i := range x {
			x[i] = rng.NormFloat64()
		}
	}
	labels := k.y.Value().Data().([]int)
	for i := range labels {
		labels[i] = rng.IntN(4)
	}
}
