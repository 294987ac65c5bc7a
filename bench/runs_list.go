package main

// This file measures what has many of something: checkpoints, and tensors in a manifest.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/runs"
)

const (
	manyCheckpoints = 1000
	manyTensors     = 10_000
	listings        = 21 // times each is timed
)

func (l *lab) listChapter(ctx context.Context) ([]*sheet, error) {
	sh := &sheet{title: "lists", header: []string{"what", "least", "median", "goal"}}
	checkpoints, n := manyCheckpoints, manyTensors
	if l.size < 1<<30 {
		checkpoints = 100
	}
	took, err := l.listCheckpoints(ctx, checkpoints, 1)
	if err != nil {
		return nil, err
	}
	sh.add(fmt.Sprintf("Checkpoints, %d of them", checkpoints), ms(quantile(took, 0)), ms(median(took)), "50 for 1000")
	if took, err = l.listCheckpoints(ctx, 1, n); err != nil {
		return nil, err
	}
	sh.add(fmt.Sprintf("Checkpoints, one of %d tensors: manifest read and verified", n), ms(quantile(took, 0)), ms(median(took)), "20")
	return []*sheet{sh}, nil
}

// listCheckpoints makes a run of so many checkpoints of so many small tensors, and lists it.
func (l *lab) listCheckpoints(ctx context.Context, checkpoints, tensors int) (took []time.Duration, err error) {
	values := map[string]*tensor.Dense{}
	for i := range tensors {
		values[fmt.Sprintf("layers.%05d.weight", i)] = tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(make([]float32, 6)))
	}
	s := &session{dir: l.path("list"), t: &training{}}
	defer func() { err = errors.Join(err, s.close()) }()
	o := &runs.Options{KeepEverySteps: 1, Observer: s.observe, Log: silent()}
	if s.run, err = runs.Open(s.dir, o); err != nil {
		return nil, err
	}
	if _, err := s.run.Restore(ctx, runs.Weights(checkpoint.FromValues(values))); err != nil {
		return nil, err
	}
	for step := range checkpoints {
		if err := s.run.Save(ctx, int64(step)+1, runs.Metrics{"loss": 1}); err != nil {
			return nil, err
		}
	}
	for range listings {
		begin := time.Now()
		list, err := s.run.Checkpoints()
		took = append(took, time.Since(begin))
		if err != nil || len(list) != checkpoints {
			return nil, errors.Join(err, fmt.Errorf("%d checkpoints are listed, want %d", len(list), checkpoints))
		}
	}
	return took, nil
}
