package main

// This file is the training loop.

import (
	"context"
	"fmt"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/digits"
	"github.com/fb777929/kibisis/examples/internal/progress"
)

// fit trains a network within a run.
type fit struct {
	*program
	run    *runs.Run
	net    *digits.Trainer
	tester *digits.Predictor

	data *digits.Sampler
	loss float64 // the sum of this epoch's
}

// from trains from the given step to the end, and prints how well the network does
// before and after each epoch.
func (f *fit) from(ctx context.Context, step int64) error {
	total := int64(f.epochs * f.data.Steps())
	if step >= total {
		fmt.Fprintf(f.stdout, "training is complete: %d steps of %d\n", step, total)
		return nil
	}
	right, err := f.tester.Accuracy(f.test)
	if err != nil {
		return err
	}
	fmt.Fprintf(f.stdout, "at the start: accuracy %.2f %%\n", 100*right)
	for step < total {
		if step, err = f.epoch(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// epoch trains to the end of the epoch that step is in, and returns the step then.
func (f *fit) epoch(ctx context.Context, step int64) (int64, error) {
	name := fmt.Sprintf("epoch %d of %d", f.data.At.Epoch+1, f.epochs)
	start, epoch := time.Now(), f.data.At.Epoch
	bar := progress.New(f.stderr, name, int64(f.data.Steps()))
	defer bar.Done()
	for f.data.At.Epoch == epoch {
		loss, err := f.net.Step(f.train, f.data.Next())
		if err != nil {
			return step, fmt.Errorf("%s: step %d: %w", name, step, err)
		}
		step++
		f.loss += loss
		if f.data.At.Epoch != epoch {
			bar.Done()
			if err := f.say(name, start); err != nil {
				return step, err
			}
			f.loss = 0
		}
		// Between two steps, when all parts of the state are of one step.
		if err := f.run.SaveIfDue(ctx, step, runs.Metrics{"loss": loss}); err != nil {
			return step, fmt.Errorf("%s: step %d, of which %d are saved: %w", name, step, f.saved.Load(), err)
		}
		bar.At(int64(f.data.At.Next / digits.Batch))
		bar.Saved(f.saved.Load())
	}
	return step, nil
}

// say prints what came of an epoch.
func (f *fit) say(name string, start time.Time) error {
	right, err := f.tester.Accuracy(f.test)
	if err != nil {
		return err
	}
	fmt.Fprintf(f.stdout, "%s: loss %.4f, accuracy %.2f %%, %.1f s\n",
		name, f.loss/float64(f.data.Steps()), 100*right, time.Since(start).Seconds())
	return nil
}
