package main

// This file is the training.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/curve"
	"github.com/fb777929/kibisis/examples/internal/progress"
	"github.com/fb777929/kibisis/nn"
	"github.com/fb777929/kibisis/nn/data"
	"github.com/fb777929/kibisis/nn/optim"
)

const (
	batch     = 64
	testBatch = 500
	rate      = 0.002 // the largest
)

// training is all that the next step depends on.
type training struct {
	*program
	*trainer
	weights *nn.Scope
	test    *predictor
	solver  *optim.Solver
	dropout *rand.PCG
	sampler *data.Sampler
	loss    curve.Line
}

func newTraining(p *program, s *nn.Scope) (t *training, err error) {
	net := newNetwork(s)
	if err := s.Err(); err != nil {
		return nil, err
	}
	t = &training{program: p, weights: s, dropout: rand.NewPCG(p.seed, 1), loss: curve.Line{Name: "loss"}}
	if t.trainer, err = newTrainer(net, batch, t.dropout); err != nil {
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
		Schedule:     optim.OneCycle{Steps: t.steps()},
	})
	return t, err
}

// steps is how many steps the training has.
func (t *training) steps() int64 { return int64(t.epochs * t.sampler.Steps()) }

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

// from trains from the given step to the end.
func (t *training) from(ctx context.Context, run *runs.Run, step int64) error {
	for step < t.steps() {
		name := fmt.Sprintf("epoch %d of %d", t.sampler.Epoch()+1, t.epochs)
		begin, epoch := time.Now(), t.sampler.Epoch()
		bar := progress.New(t.stderr, name, int64(t.sampler.Steps()))
		for t.sampler.Epoch() == epoch {
			loss, err := t.step(t.train, t.sampler.Next())
			if err == nil {
				err = t.solver.Step(t.learnables)
			}
			if err != nil {
				bar.Done()
				return fmt.Errorf("step %d: %w", step, err)
			}
			step++
			t.loss.Add(step, loss)
			if err := run.SaveIfDue(ctx, step, runs.Metrics{"loss": loss}); err != nil {
				bar.Done()
				return err
			}
			bar.At(step - epoch*int64(t.sampler.Steps()))
		}
		bar.Done()
		right, err := t.test.accuracy(t.program.test)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.stdout, "%s: accuracy %.2f %%, %.1f s\n", name, 100*right, time.Since(begin).Seconds())
	}
	return nil
}

// end draws the losses and says how good the network is.
func (t *training) end() error {
	picture := filepath.Join(t.dir, "loss.svg")
	if err := curve.Write(picture, "MNIST", &t.loss); err != nil {
		return err
	}
	fmt.Fprintln(t.stdout, "the loss is drawn in", picture)
	right, err := t.test.accuracy(t.program.test)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stdout, "test accuracy: %.4f\n", right)
	return nil
}
