package main

// This file is a network that is ready to be timed, of this repository's layers.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/fb777929/kibisis/nn"
	"github.com/fb777929/kibisis/nn/optim"
)

// The jobs that are timed.
const (
	forwardJob = "forward" // of a batch, in evaluation
	oneJob     = "one"     // the same of one row
	stepJob    = "step"    // of training: forward, backward, and the step of the solver
)

var jobs = []string{forwardJob, oneJob, stepJob}

// A subject is a network in memory.
type subject struct {
	tasks  map[string]task // of each job
	solver *time.Duration  // what the solver has taken so far; nil where it is not told
}

// A task is a job with all that it needs.
type task struct {
	run    func() error
	result func() gorgonia.Value // of the last run: logits, or of a step the loss
}

// readNetwork reads what network a file is of.
func readNetwork(f *safetensors.File) (n network, err error) {
	err = json.Unmarshal([]byte(f.Metadata()[networkKey]), &n)
	return n, err
}

// ourSubject makes the network of a file of this repository's layers.
func ourSubject(path string) (_ *subject, err error) {
	f, err := safetensors.Open(path, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := readNetwork(f)
	if err != nil {
		return nil, err
	}
	s := nn.NewScope(1)
	net := n.layer(s)
	if err := s.Err(); err != nil {
		return nil, err
	}
	train, x, label, err := ourStep(n, net)
	if err != nil {
		return nil, err
	}
	batch := map[string]gorgonia.Value{"x": x, "label": label}
	if _, err := checkpoint.LoadModel(context.Background(), path, withBatch(s, batch), nil); err != nil {
		return nil, err
	}
	for job, rows := range map[string]int{forwardJob: n.Batch, oneJob: 1} {
		if train.tasks[job], err = ourForward(n, net, rows, x); err != nil {
			return nil, err
		}
	}
	return train, nil
}

// ourStep makes the graph that trains, and gives its inputs, which are to be filled.
func ourStep(n network, net nn.Layer) (_ *subject, x, label gorgonia.Value, err error) {
	g := nn.TrainGraph(nil)
	in, labels := g.Input("x", tensor.Float32, n.input(n.Batch)...), g.Input("label", tensor.Int, n.Batch)
	loss := nn.CrossEntropy(g, net.Forward(g, in), labels, nil)
	learnables, err := g.Grad(loss)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err := g.Machine()
	if err != nil {
		return nil, nil, nil, err
	}
	solver, err := optim.NewAdamW(learnables, &optim.AdamWOptions{WeightDecay: decay})
	if err != nil {
		return nil, nil, nil, err
	}
	t := &subject{solver: new(time.Duration)}
	step := func() error {
		if err := m.Run(); err != nil {
			return err
		}
		begin := time.Now()
		err := solver.Step(learnables)
		*t.solver += time.Since(begin)
		return err
	}
	t.tasks = map[string]task{stepJob: {step, loss.Value}}
	return t, in.Value(), labels.Value(), nil
}

// decay is PyTorch's default for AdamW.
const decay = 0.01

// ourForward makes a graph for so many rows of x.
func ourForward(n network, net nn.Layer, rows int, x gorgonia.Value) (task, error) {
	g := nn.EvalGraph()
	in := g.Input("x", tensor.Float32, n.input(rows)...)
	logits := net.Forward(g, in)
	m, err := g.Machine()
	if err != nil {
		return task{}, err
	}
	return task{m.Run, logits.Value}, fillRows(in, x)
}

// fillRows fills a float32 input with the first rows of x.
func fillRows(in *gorgonia.Node, x gorgonia.Value) error {
	to, ok := in.Value().Data().([]float32)
	from, ok2 := x.Data().([]float32)
	if !ok || !ok2 {
		return fmt.Errorf("data of %v and %v, want float32", in.Value().Dtype(), x.Dtype())
	}
	copy(to, from)
	return nil
}
