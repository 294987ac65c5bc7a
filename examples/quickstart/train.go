package main

// This file trains a network and asks it for predictions. Neither touches a file.

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

const (
	batch        = 100 // rows in a training step
	learningRate = 0.3
	testRows     = 1000 // rows in a prediction step
)

// trainer minimises the cross entropy of a network by plain gradient descent.
// That keeps no state of its own, so the weights are all there is to save; for a
// solver that does, such as Adam, see package runs.
type trainer struct {
	*network
	target *tensor.Dense // [batch, 10]: 1 at the right digit, 0 elsewhere
	loss   G.Value       // of the last batch
	vm     G.VM
	solver G.Solver
}

func newTrainer(n *network) (*trainer, error) {
	t := &trainer{network: n, solver: G.NewVanillaSolver(G.WithLearnRate(learningRate))}
	t.target = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(batch, mnist.Classes))
	y := G.NewMatrix(n.graph, tensor.Float32, G.WithName("y"), G.WithValue(t.target))

	// mean over the rows of -log p(the right digit)
	logp := G.Must(G.LogSoftMax(n.logits))
	cost := G.Must(G.Neg(G.Must(G.Mean(G.Must(G.Sum(G.Must(G.HadamardProd(logp, y)), 1))))))
	G.Read(cost, &t.loss)
	if _, err := G.Grad(cost, n.weights...); err != nil {
		return nil, err
	}
	if err := checkpoint.CheckGraph(n.graph); err != nil {
		return nil, err
	}
	t.vm = G.NewTapeMachine(n.graph, G.BindDualValues(n.weights...))
	return t, nil
}

// epoch shows every image once, in an order drawn from rng, and calls tick after
// each batch. It returns the mean loss, or why ctx was cancelled as soon as it is.
func (t *trainer) epoch(ctx context.Context, data mnist.Set, rng *rand.Rand, tick func()) (loss float64, err error) {
	order := rng.Perm(data.Len())
	steps := len(order) / batch
	for i := range steps {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if err := t.step(data, order[i*batch:][:batch]); err != nil {
			return 0, err
		}
		loss += float64(t.loss.Data().(float32)) / float64(steps)
		tick()
	}
	if math.IsNaN(loss) {
		return 0, fmt.Errorf("the loss is not a number: lower the learning rate %v", learningRate)
	}
	return loss, nil
}

// step learns from the images of the given rows.
func (t *trainer) step(data mnist.Set, rows []int) error {
	x, y := t.input.Data().([]float32), t.target.Data().([]float32)
	clear(y)
	for i, row := range rows {
		copy(x[i*mnist.Pixels:], data.Row(row))
		y[i*mnist.Classes+int(data.Labels[row])] = 1
	}
	if err := t.vm.RunAll(); err != nil {
		return err
	}
	t.vm.Reset()
	return t.solver.Step(G.NodesToValueGrads(t.weights))
}

// predictor is a network of testRows rows that is ready to run.
type predictor struct {
	*network
	scores G.Value // [testRows, 10], of the last run
	vm     G.VM
}

func newPredictor(from source) *predictor {
	p := &predictor{network: newNetwork(testRows, from)}
	G.Read(p.logits, &p.scores)
	p.vm = G.NewTapeMachine(p.graph)
	return p
}

// predict returns the likeliest digit of each image; their number must be a multiple of testRows.
func (p *predictor) predict(data mnist.Set) ([]uint8, error) {
	var digits []uint8
	for at := 0; at < data.Len(); at += testRows {
		copy(p.input.Data().([]float32), data.Images[at*mnist.Pixels:])
		if err := p.vm.RunAll(); err != nil {
			return nil, err
		}
		p.vm.Reset()
		for scores := range slices.Chunk(p.scores.Data().([]float32), mnist.Classes) {
			digits = append(digits, argmax(scores))
		}
	}
	return digits, nil
}

// accuracy is the share of images that p gets right, 0 to 1.
func (p *predictor) accuracy(data mnist.Set) (float64, error) {
	digits, err := p.predict(data)
	if err != nil {
		return 0, err
	}
	return float64(countEqual(digits, data.Labels)) / float64(data.Len()), nil
}

// countEqual counts the places at which a and b, of one length, agree.
func countEqual(a, b []uint8) (n int) {
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}

// argmax is the index of the largest value, and 0 where one is not a number.
func argmax(v []float32) uint8 { return uint8(max(0, slices.Index(v, slices.Max(v)))) }
