package main

// This file is the training of a head.

import (
	"context"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/curve"
	"github.com/fb777929/kibisis/examples/internal/progress"
	"github.com/fb777929/kibisis/nn/data"
	"github.com/fb777929/kibisis/nn/optim"
)

const (
	classes   = 5
	batch     = 20
	testBatch = 100
	rate      = 0.005
)

// training is a head that learns, and all that its next step depends on.
type training struct {
	*program
	*trainer
	net     *network
	test    *predictor
	solver  *optim.Solver
	sampler *data.Sampler
	loss    curve.Line
	right   float64 // the share of the test images, in the end
}

func newTraining(p *program, name string, net *network) (t *training, err error) {
	t = &training{program: p, net: net, loss: curve.Line{Name: name + " body"}}
	if t.trainer, err = newTrainer(net, batch); err != nil {
		return nil, err
	}
	if t.test, err = newPredictor(net, testBatch); err != nil {
		return nil, err
	}
	if t.sampler, err = data.NewSampler(p.train.Len(), batch, &data.Options{Seed: p.seed, DropLast: true}); err != nil {
		return nil, err
	}
	t.solver, err = optim.NewAdamW(t.learnables, &optim.AdamWOptions{
		LearningRate: rate,
		WeightDecay:  0.01,
		Schedule:     optim.Cosine{Steps: t.steps()},
	})
	return t, err
}

func (t *training) steps() int64 { return int64(t.epochs * t.sampler.Steps()) }

// parts are what a run saves. The body never changes, so it is a part, and a file, of its own.
func (t *training) parts() []runs.Part {
	return []runs.Part{
		runs.Named("body", runs.Weights(t.net.body)),
		runs.Weights(t.net.head),
		runs.Solver(t.solver, t.learnables, t.net.head),
		runs.State("data", t.sampler),
		runs.State("loss", &t.loss),
	}
}

// from trains from the given step to the end.
func (t *training) from(ctx context.Context, run *runs.Run, step int64) error {
	bar := progress.New(t.stderr, t.loss.Name, t.steps())
	defer bar.Done()
	for step < t.steps() {
		loss, err := t.step(t.train, t.sampler.Next())
		if err == nil {
			err = t.solver.Step(t.learnables)
		}
		if err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
		step++
		t.loss.Add(step, loss)
		if err := run.SaveIfDue(ctx, step, runs.Metrics{"loss": loss}); err != nil {
			return err
		}
		bar.At(step)
	}
	bar.Done()
	var err error
	t.right, err = t.test.accuracy(t.program.test)
	if err == nil {
		fmt.Fprintf(t.stdout, "%s: accuracy %.2f %%\n", t.loss.Name, 100*t.right)
	}
	return err
}
