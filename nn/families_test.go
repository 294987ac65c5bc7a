package nn_test

// This file is one small model for each family, as testdata/gen/families.py has them in PyTorch, and
// how each is trained.

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn"
	"github.com/fb777929/kibisis/nn/optim"
)

// A family is a kind of network.
type family struct {
	name string
	// inputs are the shapes of a batch and of its labels; whole numbers below so many, or 0 for
	// normal numbers.
	x, y      []int
	below     int
	smoothing float64
	// model makes the network, and returns what makes logits (..., V). Dropout is of this share.
	model func(s *nn.Scope, dropout float64) nn.Func
	// solver is as in families.py.
	solver func(learnables []gorgonia.ValueGrad) (*optim.Solver, error)
}

// isVector reports whether a parameter of the decoder has one axis: those do not decay.
func isVector(name string) bool {
	return strings.HasSuffix(name, "bias") || strings.Contains(name, "norm")
}

const batchSize = 4

var families = []family{
	{
		name: "mlp", x: []int{batchSize, 6}, y: []int{batchSize},
		model: func(s *nn.Scope, dropout float64) nn.Func {
			return nn.Sequential{
				nn.NewLinear(s.Index(0), 6, 16, nil), nn.ReLU, nn.Dropout(dropout),
				nn.NewLinear(s.Index(2), 16, 9, nil), nn.Tanh,
				nn.NewLinear(s.Index(4), 9, 4, nil),
			}.Forward
		},
		solver: func(l []gorgonia.ValueGrad) (*optim.Solver, error) {
			return optim.NewRMSProp(l, &optim.RMSPropOptions{
				LearningRate: 0.002, Alpha: 0.9, Momentum: 0.5, Schedule: optim.Exponential(0.95),
			})
		},
	},
	{
		name: "cnn", x: []int{batchSize, 1, 9, 9}, y: []int{batchSize},
		model: func(s *nn.Scope, dropout float64) nn.Func {
			return nn.Sequential{
				nn.NewConv2d(s.Sub("conv1"), 1, 4, nn.Square(3), &nn.Conv2dOptions{Padding: nn.Square(1)}),
				nn.NewBatchNorm2d(s.Sub("bn1"), 4, nil), nn.ReLU,
				nn.MaxPool2d{Window: nn.Square(2)},
				nn.NewConv2d(s.Sub("conv2"), 4, 6, nn.Square(3), &nn.Conv2dOptions{Stride: nn.Square(2), NoBias: true}),
				nn.NewBatchNorm2d(s.Sub("bn2"), 6, nil), nn.ReLU, nn.GlobalAvgPool, nn.Dropout(dropout),
				nn.NewLinear(s.Sub("fc"), 6, 4, nil),
			}.Forward
		},
		solver: func(l []gorgonia.ValueGrad) (*optim.Solver, error) {
			return optim.NewSGD(l, &optim.SGDOptions{
				LearningRate: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 1e-3,
				Schedule: optim.StepDecay{Every: 8, Gamma: 0.5},
			})
		},
	},
	{
		name: "recurrent", x: []int{batchSize, 7}, y: []int{batchSize}, below: 11,
		model: func(s *nn.Scope, dropout float64) nn.Func {
			embedding := nn.NewEmbedding(s.Sub("embedding"), 11, 6, &nn.EmbeddingOptions{PaddingIndex: new(int)})
			lstm := nn.NewLSTM(s.Sub("lstm"), 6, 8, &nn.RecurrentOptions{Layers: 2, Dropout: dropout})
			head := nn.NewLinear(s.Sub("head"), 8, 4, nil)
			return func(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
				return head.Forward(g, nn.Select(g, lstm.Forward(g, embedding.Forward(g, x)), 1, -1))
			}
		},
		solver: func(l []gorgonia.ValueGrad) (*optim.Solver, error) {
			return optim.NewAdam(l, &optim.AdamOptions{LearningRate: 0.01, ClipNorm: 0.5, Schedule: optim.OneCycle{Steps: 21}})
		},
	},
	{
		name: "encoder", x: []int{batchSize, 7}, y: []int{batchSize}, below: 11, smoothing: 0.1,
		model: func(s *nn.Scope, dropout float64) nn.Func {
			embed, layers := transformer(s, false, dropout)
			head := nn.NewLinear(s.Sub("head"), 12, 4, nil)
			return func(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
				x = embed(g, x)
				for _, l := range layers {
					x = l.Forward(g, x)
				}
				return head.Forward(g, nn.Mean(g, x, 1))
			}
		},
		solver: func(l []gorgonia.ValueGrad) (*optim.Solver, error) {
			return optim.NewAdamW(l, &optim.AdamWOptions{
				LearningRate: 0.003, WeightDecay: 0.05, Schedule: optim.Cosine{Steps: 20, Min: 0.1},
			})
		},
	},
	{
		name: "decoder", x: []int{batchSize, 7}, y: []int{batchSize, 7}, below: 11,
		model: func(s *nn.Scope, dropout float64) nn.Func {
			embed, layers := transformer(s, true, dropout)
			norm := nn.NewLayerNorm(s.Sub("norm"), 12, nil)
			tied, _ := s.Named("embedding.weight")
			head := nn.NewLinear(s.Sub("head"), 12, 11, &nn.LinearOptions{NoBias: true, Weight: tied})
			return func(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
				x = embed(g, x)
				for _, l := range layers {
					x = l.ForwardMasked(g, x, &nn.AttentionMask{Causal: true})
				}
				return head.Forward(g, norm.Forward(g, x))
			}
		},
		solver: func(l []gorgonia.ValueGrad) (*optim.Solver, error) {
			return optim.NewAdamW(l, &optim.AdamWOptions{
				LearningRate: 0.003, Betas: [2]float64{0.9, 0.95}, WeightDecay: 0.1, ClipNorm: 1,
				Schedule: optim.WarmUp{Steps: 5, Start: 0.1},
				Groups: []optim.Group[optim.AdamWOptions]{{
					Match: isVector,
					Set:   func(o *optim.AdamWOptions) { o.WeightDecay = 0 },
				}},
			})
		},
	},
}

// transformer is the embeddings and the blocks of a small Transformer.
func transformer(s *nn.Scope, normFirst bool, dropout float64) (nn.Func, []*nn.TransformerEncoderLayer) {
	embedding := nn.NewEmbedding(s.Sub("embedding"), 11, 12, nil)
	position := s.Param("position", nn.Normal(0, 1), 7, 12)
	var layers []*nn.TransformerEncoderLayer
	for i := range 2 {
		layers = append(layers, nn.NewTransformerEncoderLayer(s.Sub("layers").Index(i), 12, 3, &nn.TransformerOptions{
			FeedForward: 20, Dropout: &dropout, Activation: nn.GELU, NormFirst: normFirst,
		}))
	}
	return func(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node {
		return nn.Add(g, embedding.Forward(g, x), g.Node(position))
	}, layers
}

// A task is a family that is being trained.
type task struct {
	of         family
	scope      *nn.Scope
	dropout    *rand.PCG
	x, y, loss *gorgonia.Node
	learnables []gorgonia.ValueGrad
	machine    *nn.Machine
	solver     *optim.Solver
}

// newTask builds what is trained, in a new graph.
func newTask(t *testing.T, f family, dt tensor.Dtype, dropout float64) *task {
	t.Helper()
	k, err := makeTask(f, dt, dropout)
	require.NoError(t, err)
	return k
}

func makeTask(f family, dt tensor.Dtype, dropout float64) (*task, error) {
	k := &task{of: f, scope: nn.NewScopeOf(dt, nn.Seeded(1)), dropout: rand.NewPCG(1, 2)}
	forward := f.model(k.scope, dropout)
	g := nn.TrainGraph(k.dropout)
	of := dt
	if f.below > 0 {
		of = tensor.Int
	}
	k.x, k.y = g.Input("x", of, f.x...), g.Input("y", tensor.Int, f.y...)
	k.loss = nn.CrossEntropy(g, forward(g, k.x), k.y, &nn.CrossEntropyOptions{LabelSmoothing: f.smoothing})
	var err error
	if k.learnables, err = g.Grad(k.loss); err != nil {
		return nil, err
	}
	if k.machine, err = g.Machine(); err != nil {
		return nil, err
	}
	if k.solver, err = f.solver(k.learnables); err != nil {
		return nil, err
	}
	return k, k.scope.Err()
}

// step trains on what is in x and y, and returns the loss.
func (k *task) step(t *testing.T) float64 {
	t.Helper()
	loss, err := k.train()
	require.NoError(t, err)
	return loss
}

func (k *task) train() (loss float64, err error) {
	if err := k.machine.Run(); err != nil {
		return 0, err
	}
	return floats(k.loss.Value())[0], k.solver.Step(k.learnables)
}
