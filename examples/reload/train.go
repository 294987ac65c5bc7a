package main

// This file is the other process: a training that keeps its best checkpoint.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/digits"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	G "gorgonia.org/gorgonia"
)

const (
	learningRate = 0.05
	// evaluateEvery is after how many steps the loss on other images is measured.
	evaluateEvery = 50
	// learnRows of the test images are learned from, and the next checkRows measured with;
	// clients ask about the rest. (The training images take long to read.)
	learnRows, checkRows = 6000, 2000
)

// train saves whenever the loss is lower than ever.
func train(ctx context.Context, o options, stderr io.Writer) (err error) {
	data, err := o.load()
	if err != nil {
		return err
	}
	learn, check := data.Range(0, learnRows), data.Range(learnRows, learnRows+checkRows)
	solver := G.NewVanillaSolver(G.WithLearnRate(learningRate))
	net, err := digits.NewTrainer(digits.Random(o.seed), solver, nil)
	if err != nil {
		return err
	}
	t := &training{
		net: net, learn: learn, check: check, order: digits.NewSampler(o.seed, learn.Len()),
		tester: digits.NewPredictor(checkRows, digits.SharedWith(net.Network)),
	}
	t.run, err = runs.Open(o.dir, &runs.Options{
		KeepBest: best,
		Log:      slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.run.Close()) }()
	restored, err := t.run.Restore(ctx, runs.Weights(net.Model()), runs.Solver(solver, net.Order, net.Model()), runs.State("data", &t.order.At))
	if err != nil {
		return err
	}
	if err := t.from(ctx, restored.Step, o.steps); err != nil {
		return err
	}
	return t.run.Finish(ctx)
}

type training struct {
	net          *digits.Trainer
	tester       *digits.Predictor
	learn, check mnist.Set
	order        *digits.Sampler
	run          *runs.Run
}

// from trains up to the given number of steps.
func (t *training) from(ctx context.Context, step, steps int64) error {
	for step < steps {
		loss, err := t.net.Step(t.learn, t.order.Next())
		if err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
		step++
		metrics := runs.Metrics{"loss": loss}
		if step%evaluateEvery == 0 {
			if metrics["val_loss"], err = t.tester.Loss(t.check); err != nil {
				return fmt.Errorf("step %d: %w", step, err)
			}
		}
		if err := t.run.SaveIfDue(ctx, step, metrics); err != nil {
			return err
		}
	}
	return nil
}
