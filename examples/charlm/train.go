package main

// This file is the training.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/curve"
	"github.com/fb777929/kibisis/examples/internal/progress"
	"github.com/fb777929/kibisis/nn"
	"github.com/fb777929/kibisis/nn/data"
	"github.com/fb777929/kibisis/nn/optim"
)

const (
	batch = 16
	rate  = 0.002
)

// training is all that the next step depends on.
type training struct {
	*program
	weights    *nn.Scope
	letters    []int // the input: (B, T)
	next       []int // what follows each of them
	cost       *gorgonia.Node
	learnables []gorgonia.ValueGrad
	machine    *nn.Machine
	solver     *optim.Solver
	dropout    *rand.PCG
	sampler    *data.Sampler
	loss       curve.Line
	writer     *writer
}

func newTraining(p *program) (t *training, err error) {
	t = &training{program: p, weights: nn.NewScope(p.seed), dropout: rand.NewPCG(p.seed, 1), loss: curve.Line{Name: "loss"}}
	net := newGPT(t.weights, len(p.book.alphabet))
	if err := t.weights.Err(); err != nil {
		return nil, err
	}
	if err := t.build(net); err != nil {
		return nil, err
	}
	if t.writer, err = newWriter(net, p.book, p.seed); err != nil {
		return nil, err
	}
	if t.sampler, err = data.NewSampler(p.book.pieces(), batch, &data.Options{Seed: p.seed, DropLast: true}); err != nil {
		return nil, err
	}
	t.solver, err = optim.NewAdamW(t.learnables, &optim.AdamWOptions{
		LearningRate: rate,
		Betas:        [2]float64{0.9, 0.98},
		WeightDecay:  0.1,
		ClipNorm:     1,
		Schedule:     optim.WarmUp{Steps: 100, Start: 0.01},
		Groups: []optim.Group[optim.AdamWOptions]{{
			Match: func(name string) bool { return strings.HasSuffix(name, "bias") || strings.Contains(name, "norm") },
			Set:   func(o *optim.AdamWOptions) { o.WeightDecay = 0 },
		}},
	})
	return t, err
}

// build makes the graph of a step.
func (t *training) build(net *gpt) (err error) {
	g := nn.TrainGraph(t.dropout)
	letters, next := g.Input("letters", tensor.Int, batch, moments), g.Input("next", tensor.Int, batch, moments)
	t.cost = nn.CrossEntropy(g, net.Forward(g, letters), next, nil)
	if t.learnables, err = g.Grad(t.cost); err != nil {
		return err
	}
	t.letters, t.next = letters.Value().Data().([]int), next.Value().Data().([]int)
	t.machine, err = g.Machine()
	return err
}

// size is how many numbers are trained.
func (t *training) size() (total int) {
	for _, p := range t.weights.Params() {
		total += p.Shape().TotalSize()
	}
	return total
}

// parts are what a run saves of it.
func (t *training) parts() []runs.Part {
	return []runs.Part{
		runs.Weights(t.weights),
		runs.Solver(t.solver, t.learnables, t.weights),
		runs.State("dropout", t.dropout),
		runs.State("data", t.sampler),
		runs.State("loss", &t.loss),
	}
}

// from trains from the given step to the end, and shows now and then what has been learnt.
func (t *training) from(ctx context.Context, run *runs.Run, step int64) error {
	bar := progress.New(t.stderr, "training", t.steps)
	defer func() { bar.Done() }()
	for step < t.steps {
		loss, err := t.step()
		if err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
		step++
		t.loss.Add(step, loss)
		if err := run.SaveIfDue(ctx, step, runs.Metrics{"loss": loss}); err != nil {
			return err
		}
		bar.At(step)
		if step%t.showEvery == 0 {
			bar.Done()
			if err := t.show(step, loss); err != nil {
				return err
			}
			bar = progress.New(t.stderr, "training", t.steps)
		}
	}
	return nil
}

// step trains on one batch.
func (t *training) step() (loss float64, err error) {
	for i, piece := range t.sampler.Next() {
		t.book.piece(piece, t.letters[i*moments:], t.next[i*moments:])
	}
	if err := t.machine.Run(); err != nil {
		return 0, err
	}
	return float64(t.cost.Value().Data().(float32)), t.solver.Step(t.learnables)
}

func (t *training) show(step int64, loss float64) error {
	text, err := t.writer.write(100)
	if err == nil {
		fmt.Fprintf(t.stdout, "step %d: loss %.3f: %q\n", step, loss, text)
	}
	return err
}

// end draws the losses, and writes.
func (t *training) end() error {
	picture := filepath.Join(t.dir, "loss.svg")
	if err := curve.Write(picture, "A GPT reads Newton's Opticks", &t.loss); err != nil {
		return err
	}
	fmt.Fprintln(t.stdout, "the loss is drawn in", picture)
	text, err := t.writer.write(t.letterCount)
	if err == nil {
		fmt.Fprintln(t.stdout, text)
	}
	return err
}
