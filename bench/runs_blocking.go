package main

// This file measures what the loop waits for at a save, beside a copy of the same state in
// memory, and how fast the background then is, beside the disk.

import (
	"context"
	"errors"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/fb777929/kibisis/checkpoint/runs"
)

// A saving is what saves of one state took: some in turns with copies in memory, then some in turns with
// writes to the disk, which leave a machine busy for a while. Samples of one index are of one round.
type saving struct {
	t       *training
	copy1   []time.Duration // floor: on one core
	copyAll []time.Duration // floor: on all
	blocked []time.Duration
	lags    []time.Duration

	commits []runs.Committed
	direct  []time.Duration // floor: direct writes of as many bytes, synced; nil where there are none
	synced  []time.Duration // the same through the page cache
}

const (
	// warmUp is how many saves come before the first that counts: they make the memory for the
	// copy, and room on the disk.
	warmUp = 2
	// sweepBytes is more than the caches of a core hold.
	sweepBytes = 64 << 20
)

// measureSaving saves a state again and again, in turns with the floors. Before each, memory is
// swept, as by a step of training: none finds the state in the caches.
func (l *lab) measureSaving(ctx context.Context, of scale, rounds int) (_ *saving, err error) {
	t, err := newTraining(of.bytes, of.layers)
	if err != nil {
		return nil, err
	}
	m := &saving{t: t}
	s, err := newSession(ctx, l.dir, t, runs.Options{EverySteps: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	dst := newHuge(int(t.size()))
	blocks := t.blocks(dst)
	sweep := newSweep()
	save := func() (time.Duration, runs.Committed, error) {
		sweep()
		blocked, err := s.save(ctx)
		if err != nil {
			return 0, runs.Committed{}, err
		}
		c, err := s.settle(ctx)
		return blocked, c, err
	}
	for round := range warmUp + rounds {
		sweep()
		one := clocked(func() { copyAll(blocks, 1) })
		sweep()
		all := clocked(func() { copyAll(blocks, cores()) })
		blocked, c, err := save()
		if err != nil {
			return nil, err
		}
		if round >= warmUp {
			m.copy1, m.copyAll = append(m.copy1, one), append(m.copyAll, all)
			m.blocked, m.lags = append(m.blocked, blocked), append(m.lags, c.Lag)
		}
	}
	for range rounds {
		direct, synced, err := l.writeFloors(ctx, dst)
		if err != nil {
			return nil, err
		}
		_, c, err := save()
		if err != nil {
			return nil, err
		}
		m.direct, m.synced = append(m.direct, direct...), append(m.synced, synced)
		m.commits = append(m.commits, c)
	}
	return m, nil
}

// newSweep makes a function that reads and writes more memory than caches hold.
func newSweep() func() {
	memory := make([]byte, sweepBytes)
	return func() {
		for i := 0; i < len(memory); i += 64 {
			memory[i]++
		}
	}
}

func clocked(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

// floor is a copy in memory: the faster way of the two.
func (m *saving) floor() time.Duration { return min(median(m.copy1), median(m.copyAll)) }

// allowed is the goal for blocking.
func (m *saving) allowed() time.Duration { return m.floor()*5/4 + 200*time.Microsecond }

// blockingSheet is a table of all sizes.
func blockingSheet(all []*saving) *sheet {
	sh := &sheet{
		title: "what a save in the background takes from the loop",
		header: []string{
			"state", "tensors", "copy, 1 core", "copy, all cores", "SaveIfDue", "least", "p99", "max", "goal", "to goal",
			"lag", "made durable at",
		},
	}
	for _, m := range all {
		sh.add(humanize.IBytes(uint64(m.t.size())), count0(m.t.tensors()),
			ms(median(m.copy1)), ms(median(m.copyAll)), ms(median(m.blocked)), ms(quantile(m.blocked, 0)), ms(quantile(m.blocked, 0.99)), ms(quantile(m.blocked, 1)),
			ms(m.allowed()), ratio(median(m.blocked), m.allowed()),
			ms(median(m.lags)), rate(m.t.size(), median(m.lags)))
	}
	return sh
}

// of are the times of one phase.
func (m *saving) of(phase func(runs.Committed) time.Duration) []time.Duration {
	all := make([]time.Duration, len(m.commits))
	for i, c := range m.commits {
		all[i] = phase(c)
	}
	return all
}

// phaseSheet is where the time of a save goes.
func phaseSheet(all []*saving) *sheet {
	sh := &sheet{
		title: "a save from the call to the end",
		header: []string{
			"state", "list", "copy", "reserve", "write", "commit", "prune",
			"write and commit", "spread", "direct write, sync (floor)", "spread", "of the floor's rate", "write, sync", "of its rate",
		},
	}
	for _, m := range all {
		durable := m.of(func(c runs.Committed) time.Duration { return c.Write + c.Commit })
		sh.add(humanize.IBytes(uint64(m.t.size())),
			ms(median(m.of(func(c runs.Committed) time.Duration { return c.Blocked - c.Copy }))),
			ms(median(m.of(func(c runs.Committed) time.Duration { return c.Copy }))),
			ms(median(m.of(func(c runs.Committed) time.Duration { return c.Reserve }))),
			ms(median(m.of(func(c runs.Committed) time.Duration { return c.Write }))),
			ms(median(m.of(func(c runs.Committed) time.Duration { return c.Commit }))),
			ms(median(m.of(func(c runs.Committed) time.Duration { return c.Prune }))),
			ms(median(durable)), spread(durable), ms(median(m.direct)), spread(m.direct), ratio(median(m.direct), median(durable)),
			ms(median(m.synced)), ratio(median(m.synced), median(durable)))
	}
	return sh
}
