package digits

// This file trains a network.

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Batch is the number of rows in a training step.
const Batch = 100

// Trainer minimises the cross entropy of a network.
type Trainer struct {
	*Network
	Order []G.ValueGrad // what the solver is given at each step

	solver  G.Solver
	dropout *Dropout
	mask    *tensor.Dense // [Batch, 128]; nil without dropout
	target  *tensor.Dense // [Batch, 10]: 1 at the right digit, 0 elsewhere
	loss    G.Value       // of the last batch
	vm      G.VM
}

// Dropout sets a share of the hidden numbers to 0, others at each step. (Gorgonia's
// own draws from a source that is seeded by the clock and cannot be saved.)
type Dropout struct {
	Share  float64   // 0 to 1
	Source *rand.PCG // a part of the state of the training
}

// NewTrainer makes a network and the machine that trains it. Dropout may be nil.
func NewTrainer(from Source, solver G.Solver, dropout *Dropout) (*Trainer, error) {
	t := &Trainer{solver: solver, dropout: dropout}
	if dropout != nil {
		t.mask = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(Batch, hidden))
	}
	t.Network = newNetwork(Batch, from, t.mask)
	t.target = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(Batch, mnist.Classes))
	y := G.NewMatrix(t.graph, tensor.Float32, G.WithName("y"), G.WithValue(t.target))

	// mean over the rows of -log p(the right digit)
	logp := G.Must(G.LogSoftMax(t.logits))
	cost := G.Must(G.Neg(G.Must(G.Mean(G.Must(G.Sum(G.Must(G.HadamardProd(logp, y)), 1))))))
	G.Read(cost, &t.loss)
	if _, err := G.Grad(cost, t.Weights...); err != nil {
		return nil, err
	}
	if err := checkpoint.CheckGraph(t.graph); err != nil {
		return nil, err
	}
	t.vm = G.NewTapeMachine(t.graph, G.BindDualValues(t.Weights...))
	t.Order = G.NodesToValueGrads(t.Weights)
	return t, nil
}

// Step learns from the images of the given rows, as many as Batch, and returns their mean loss.
func (t *Trainer) Step(data mnist.Set, rows []int) (loss float64, err error) {
	x, y := t.input.Data().([]float32), t.target.Data().([]float32)
	clear(y)
	for i, row := range rows {
		copy(x[i*mnist.Pixels:], data.Row(row))
		y[i*mnist.Classes+int(data.Labels[row])] = 1
	}
	t.drop()
	if err := t.vm.RunAll(); err != nil {
		return 0, err
	}
	if err := t.solver.Step(t.Order); err != nil {
		return 0, err
	}
	t.vm.Reset()
	if loss = float64(t.loss.Data().(float32)); math.IsNaN(loss) {
		return 0, errors.New("the loss is not a number: lower the learning rate")
	}
	return loss, nil
}

// drop draws a new mask. What stays is scaled up, so that sums keep their size.
func (t *Trainer) drop() {
	if t.mask == nil {
		return
	}
	rng, keep := rand.New(t.dropout.Source), float32(1/(1-t.dropout.Share))
	for i, mask := 0, t.mask.Data().([]float32); i < len(mask); i++ {
		mask[i] = keep
		if rng.Float64() < t.dropout.Share {
			mask[i] = 0
		}
	}
}
