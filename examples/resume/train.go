package main

// This file is the training: a loop in which everything that can be forgotten matters.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/digits"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	G "gorgonia.org/gorgonia"
)

const (
	firstRate = 0.002
	dropout   = 0.3
	// maskStream is the stream of random numbers for dropout: weights and data have others.
	maskStream = 1 << 40
)

// training is a network that learns, and all that its next step depends on.
type training struct {
	data   mnist.Set
	net    *digits.Trainer
	solver G.Solver
	order  *digits.Sampler
	masks  *rand.PCG
	rate   *schedule
	loss   float64 // of the last step
}

func newTraining(data mnist.Set, seed uint64) (*training, error) {
	t := &training{
		data:   data,
		solver: G.NewAdamSolver(G.WithLearnRate(firstRate)),
		order:  digits.NewSampler(seed, data.Len()),
		masks:  rand.NewPCG(seed, maskStream),
		rate:   newSchedule(firstRate),
	}
	var err error
	t.net, err = digits.NewTrainer(digits.Random(seed), t.solver, &digits.Dropout{Share: dropout, Source: t.masks})
	return t, err
}

// parts is all of it, as a run saves it.
func (t *training) parts() []runs.Part {
	model := t.net.Model()
	return []runs.Part{
		runs.Weights(model),
		runs.Solver(t.solver, t.net.Order, model),
		runs.State("data", &t.order.At),
		runs.State("dropout", t.masks),
		runs.State("schedule", t.rate),
	}
}

// step trains once.
func (t *training) step(context.Context) (err error) {
	G.WithLearnRate(t.rate.Rate)(t.solver)
	if t.loss, err = t.net.Step(t.data, t.order.Next()); err != nil {
		return err
	}
	t.rate.heed(t.loss)
	return nil
}

// train is the whole process: it goes on from where the run in o.dir is, to the last
// step, and says on stdout what it does.
func train(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	data, err := o.load()
	if err != nil {
		return err
	}
	t, err := newTraining(data, o.seed)
	if err != nil {
		return err
	}
	run, err := runs.Open(o.dir, &runs.Options{
		EverySteps: o.saveEvery,
		Observer: func(e runs.Event) {
			if c, ok := e.(runs.Committed); ok {
				fmt.Fprintln(stdout, "saved step", c.Step)
			}
		},
		Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	restored, err := run.Restore(ctx, t.parts()...)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "resumed step", restored.Step)
	for step := restored.Step; step < o.steps; step++ {
		if err := t.step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
		fmt.Fprintln(stdout, "step", step+1)
		if err := run.SaveIfDue(ctx, step+1, runs.Metrics{"loss": t.loss, "rate": t.rate.Rate}); err != nil {
			return err
		}
	}
	return run.Finish(ctx)
}
