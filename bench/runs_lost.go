package main

// This file measures training time that saving takes: whole runs with and without it, in turns.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/fb777929/kibisis/checkpoint/runs"
)

// A saver is a way to save a state while it is trained.
type saver interface {
	// after is called after each step with the number of steps, and due where a save is wanted.
	after(ctx context.Context, step int64, due bool) error
	// finish makes what was saved last durable.
	finish(ctx context.Context) error
	// discard removes what was saved, when the run is over.
	discard() error
}

// A wayToSave makes a saver for one run. Making it counts as part of the run.
type wayToSave struct {
	name string
	open func(ctx context.Context, t *training) (saver, error)
	once bool // there is one save, the one of finish
}

// A trial is one whole run.
type trial struct {
	wall  time.Duration
	steps []time.Duration // with what the saver took
	sum   [sha256.Size]byte
}

// nothing saves nothing.
type nothing struct{}

func (nothing) after(context.Context, int64, bool) error { return nil }
func (nothing) finish(context.Context) error             { return nil }
func (nothing) discard() error                           { return nil }

// copied copies the state, which is never written: what every save must cost at least.
type copied struct{ blocks []block }

func (c copied) after(_ context.Context, _ int64, due bool) error {
	if due {
		copyAll(c.blocks, cores())
	}
	return nil
}
func (copied) finish(context.Context) error { return nil }
func (copied) discard() error               { return nil }

// inLoop writes the state to a file and syncs it while training waits, as most programs do.
type inLoop struct {
	l      *lab
	blocks []block
	memory []byte
}

func (s inLoop) after(_ context.Context, _ int64, due bool) error {
	if !due {
		return nil
	}
	copyAll(s.blocks, cores())
	path := s.l.path("in-loop")
	return errors.Join(writeThrough(path, s.memory), s.l.discard(path)())
}
func (inLoop) finish(context.Context) error { return nil }
func (inLoop) discard() error               { return nil }

// kept is package runs.
type kept struct {
	*session
	d *duel
}

func (k kept) after(ctx context.Context, step int64, due bool) error {
	if due {
		k.run.Request()
	}
	return k.run.SaveIfDue(ctx, step, nil)
}

func (k kept) finish(ctx context.Context) error {
	err := k.run.Finish(ctx)
	seen, failed := k.commits()
	for _, c := range seen {
		k.d.lags = append(k.d.lags, c.Lag)
	}
	return errors.Join(err, failed)
}

func (k kept) discard() error { return k.session.close() }

// stepWork is what one core computes in a step, in rounds over a block that its cache holds.
const stepWork = 64 << 10

// train makes so many steps, which use all cores, with a save every so many.
func train(ctx context.Context, t *training, way wayToSave, steps, every int64, rounds int) (*trial, error) {
	if way.once {
		every = 0
	}
	tr := &trial{}
	t.weights.fill()
	begin := time.Now()
	s, err := way.open(ctx, t)
	if err != nil {
		return nil, err
	}
	for step := int64(1); step <= steps; step++ {
		from := time.Now()
		t.step(rounds)
		if err := s.after(ctx, step, every > 0 && step%every == 0); err != nil {
			return nil, err
		}
		tr.steps = append(tr.steps, time.Since(from))
	}
	if err := s.finish(ctx); err != nil {
		return nil, err
	}
	tr.wall = time.Since(begin)
	tr.sum = sha256.Sum256(t.weights.bytes())
	return tr, s.discard()
}

// step computes on all cores, each in a block of its own, and then updates a part of the weights.
func (t *training) step(rounds int) {
	n := len(t.weights.slab) / cores()
	group := sync.WaitGroup{}
	for i := range cores() {
		group.Go(func() {
			part := t.weights.slab[i*n:][:n]
			x := float32(1)
			for range rounds {
				for k := range part[:min(stepWork, n)] {
					x = x*0.999 + part[k]
				}
			}
			at := int(t.data.Next) * stepWork % max(n-stepWork, 1)
			for k := range part[at:][:min(stepWork, n-at)] {
				part[at+k] += x * 1e-9
			}
		})
	}
	group.Wait()
	t.data.Next++
}

// calibrate finds how many rounds make a step of that time.
func (t *training) calibrate(want time.Duration) int {
	const probe = 200
	took := clocked(func() { t.step(probe) })
	return max(1, int(float64(probe)*float64(want)/float64(took)))
}

// A duel is trials of each way, in turns.
type duel struct {
	t      *training
	ways   []wayToSave
	trials [][]*trial
	saves  int64           // in each run
	lags   []time.Duration // of package runs, from the call until it is durable
}

// lostPairs is the least number of pairs that a median is worth something of.
const lostPairs = 10

// stepTime is about how long a step is, in runs that are long enough for some.
const stepTime = 20 * time.Millisecond

func (l *lab) lostChapter(ctx context.Context) ([]*sheet, error) {
	var sheets []*sheet
	for _, s := range []scale{{64 << 20, layers}, {1 << 30, layers}} {
		if s.bytes > int64(l.size) {
			continue
		}
		d, err := l.measureLost(ctx, s)
		if err != nil {
			return nil, err
		}
		sheets = append(sheets, d.sheet(), d.stepSheet())
	}
	return sheets, nil
}

// measureLost runs every way in turns, forwards and backwards.
func (l *lab) measureLost(ctx context.Context, of scale) (*duel, error) {
	t, err := newTraining(of.bytes, of.layers)
	if err != nil {
		return nil, err
	}
	const saves = 10
	step := min(stepTime, max(l.lost, time.Second/10)/(2*saves))
	rounds := t.calibrate(step)
	steps := max(int64(l.lost/step), 2*saves)
	d := &duel{t: t, saves: saves}
	memory := newHuge(int(t.size()))
	blocks := t.blocks(memory)
	d.ways = []wayToSave{
		{name: "no saves", open: func(context.Context, *training) (saver, error) { return nothing{}, nil }},
		{name: "copies that nobody writes (floor)", open: func(context.Context, *training) (saver, error) { return copied{blocks}, nil }},
		{name: "write and sync in the loop", open: func(context.Context, *training) (saver, error) { return inLoop{l, blocks, memory}, nil }},
		{name: "package runs, once, at the end", open: (&duel{}).keep(l.dir), once: true},
		{name: "package runs", open: d.keep(l.dir)},
	}
	d.trials = make([][]*trial, len(d.ways))
	for pair := range max(l.rounds, lostPairs) {
		for i := range d.ways {
			if pair%2 == 1 {
				i = len(d.ways) - 1 - i
			}
			t.data = position{}
			tr, err := train(ctx, t, d.ways[i], steps, steps/saves, rounds)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.ways[i].name, err)
			}
			if len(d.trials[0]) > 0 && tr.sum != d.trials[0][0].sum {
				return nil, fmt.Errorf("%s: the loop computed something else", d.ways[i].name)
			}
			d.trials[i] = append(d.trials[i], tr)
		}
	}
	return d, nil
}

// keep makes the saver of package runs, which saves when it is told to.
func (d *duel) keep(dir string) func(context.Context, *training) (saver, error) {
	return func(ctx context.Context, t *training) (saver, error) {
		s, err := newSession(ctx, dir, t, runs.Options{Every: 24 * time.Hour})
		if err != nil {
			return nil, err
		}
		return kept{s, d}, nil
	}
}

// lost is what each pair's run took longer than without saves, for one save. What package runs
// loses once in a run, the memory for the copy and the last flush, is in the way that comes before it.
func (d *duel) lost(way int) []time.Duration {
	from, saves := 0, d.saves
	switch {
	case d.ways[way].once:
		saves = 1
	case d.ways[way-1].once:
		from, saves = way-1, d.saves-1
	}
	all := make([]time.Duration, len(d.trials[way]))
	for i, tr := range d.trials[way] {
		all[i] = (tr.wall - d.trials[from][i].wall) / time.Duration(saves)
	}
	return all
}

// wanted is how many saves package runs was asked for in all runs.
func (d *duel) wanted() int { return int(d.saves) * len(d.trials[len(d.ways)-1]) }

// interval is how long the default waits between saves of that cost.
func interval(lost time.Duration) time.Duration {
	const budget = 0.01
	return min(max(time.Duration(float64(lost)/budget), time.Minute), 10*time.Minute)
}

func (d *duel) sheet() *sheet {
	sh := &sheet{
		title: fmt.Sprintf("training time lost to saving %s, all cores computing: %d runs of each, of %d steps and %d saves, opening and the last flush included",
			humanize.IBytes(uint64(d.t.size())), len(d.trials[0]), len(d.trials[0][0].steps), d.saves),
		header: []string{"saves by", "run", "lost by a save", "spread", "by default one save in", "which loses in an hour", "at risk"},
	}
	once := time.Duration(0)
	for i, way := range d.ways {
		wall := make([]time.Duration, len(d.trials[i]))
		for k, tr := range d.trials[i] {
			wall[k] = tr.wall
		}
		if i == 0 {
			sh.add(way.name, ms(median(wall)), "", "", "", "", "all")
			continue
		}
		lost := d.lost(i)
		if way.once {
			once = max(0, median(lost))
			sh.add(way.name, ms(median(wall)), ms(median(lost)), spread(lost), "", "", "")
			continue
		}
		every := interval(median(lost))
		share := math.Max(0, float64(median(lost)))/float64(every) + float64(once)/float64(time.Hour)
		sh.add(way.name, ms(median(wall)), ms(median(lost)), spread(lost), every.Round(time.Second).String(),
			digits(100*share)+" %", "")
	}
	every := interval(median(d.lost(len(d.ways) - 1)))
	sh.rows[len(sh.rows)-1][len(sh.header)-1] = fmt.Sprintf("%v, then %s ms", every.Round(time.Second), ms(median(d.lags)))
	sh.note("What package runs loses once in a run is in the row of one save, at the end: the memory for the copy, and the last flush. It counts once in an hour.")
	sh.note("At risk is the training since the last copy, and what is done while that is written (the lag: %s).", spread(d.lags))
	if len(d.lags) < d.wanted() {
		sh.note("Only %d of %d saves were made, the others waited for one before them: take a longer -lost.", len(d.lags), d.wanted())
	}
	return sh
}

// stepSheet is how long steps were.
func (d *duel) stepSheet() *sheet {
	sh := &sheet{title: "steps of these runs", header: []string{"saves by", "p50", "p99", "max"}}
	for i, way := range d.ways {
		var all []time.Duration
		for _, tr := range d.trials[i] {
			all = append(all, tr.steps...)
		}
		sh.add(way.name, ms(median(all)), ms(quantile(all, 0.99)), ms(quantile(all, 1)))
	}
	return sh
}
