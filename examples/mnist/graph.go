package main

// This file is the two graphs of the network: one that trains, and one that predicts. They share
// the weights, and have batches of other sizes.

import (
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/fb777929/kibisis/nn"
)

// trainer computes the loss of a batch and its gradients.
type trainer struct {
	learnables []gorgonia.ValueGrad
	machine    *nn.Machine
	images     []float32
	labels     []int
	loss       *gorgonia.Node
}

func newTrainer(net *network, batch int, dropout rand.Source) (*trainer, error) {
	g := nn.TrainGraph(dropout)
	x, label := g.Input("images", tensor.Float32, batch, 1, 28, 28), g.Input("labels", tensor.Int, batch)
	t := &trainer{loss: nn.CrossEntropy(g, net.Forward(g, x), label, nil)}
	var err error
	if t.learnables, err = g.Grad(t.loss); err != nil {
		return nil, err
	}
	t.images, t.labels = x.Value().Data().([]float32), label.Value().Data().([]int)
	t.machine, err = g.Machine()
	return t, err
}

// step runs the graph on some images of a set.
func (t *trainer) step(set mnist.Set, rows []int) (loss float64, err error) {
	for i, row := range rows {
		copy(t.images[i*mnist.Pixels:], set.Row(row))
		t.labels[i] = int(set.Labels[row])
	}
	if err := t.machine.Run(); err != nil {
		return 0, err
	}
	return float64(t.loss.Value().Data().(float32)), nil
}

// predictor says what images show.
type predictor struct {
	batch   int
	machine *nn.Machine
	images  []float32
	logits  *gorgonia.Node
}

func newPredictor(net *network, batch int) (*predictor, error) {
	g := nn.EvalGraph()
	x := g.Input("images", tensor.Float32, batch, 1, 28, 28)
	p := &predictor{batch: batch, logits: net.Forward(g, x)}
	var err error
	if p.machine, err = g.Machine(); err != nil {
		return nil, err
	}
	p.images = x.Value().Data().([]float32)
	return p, nil
}

// accuracy is the share of a set that is recognised. The set is whole batches.
func (p *predictor) accuracy(set mnist.Set) (float64, error) {
	right := 0
	for begin := 0; begin < set.Len(); begin += p.batch {
		part := set.Range(begin, begin+p.batch)
		copy(p.images, part.Images)
		if err := p.machine.Run(); err != nil {
			return 0, err
		}
		logits := p.logits.Value().Data().([]float32)
		for i, label := range part.Labels {
			if largest(logits[i*mnist.Classes:][:mnist.Classes]) == int(label) {
				right++
			}
		}
	}
	return float64(right) / float64(set.Len()), nil
}

// largest is the index of the largest number.
func largest(x []float32) int {
	best := 0
	for i := range x {
		if x[i] > x[best] {
			best = i
		}
	}
	return best
}
