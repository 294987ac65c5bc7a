package runs

// This file is what a program may say about its run.

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/retain"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/schedule"
)

// Options tunes a run. Nil means: save as often as costs 1 % of the training time, between
// every minute and every ten; keep the last 3, one at least an hour and one at least a day
// old; restore the newest.
type Options struct {
	// ---- When to save. With none of these set, LostTime decides alone.

	// EverySteps saves at multiples of so many steps, or at the first call past each.
	EverySteps int64
	// Every saves after so much time.
	Every time.Duration
	// AtSteps saves at these steps.
	AtSteps []int64
	// GrowFrom and GrowBy save at GrowFrom, GrowFrom*GrowBy, GrowFrom*GrowBy^2, ... steps.
	GrowFrom int64
	GrowBy   float64
	// LostTime is the share of the training time that saving may cost, 0.01 if 0 and no other
	// rule is set. The time between saves follows, from MinInterval (1 minute if 0) to MaxInterval (10).
	LostTime                 float64
	MinInterval, MaxInterval time.Duration
	// StopOnSignal ends training on SIGTERM and Ctrl-C: the next SaveIfDue saves, if there is
	// time for it, and returns ErrStop. A second signal ends the process at once. On Unix,
	// SIGUSR1 asks for a save.
	StopOnSignal bool
	// Grace is the time from the first signal to when somebody kills the process; 0 means 25 s.
	Grace time.Duration
	// FreshEnough is how old the last commit may be for a signal to need none; 0 means 5 s.
	FreshEnough time.Duration

	// ---- Which to keep: what any of these keeps, stays. With none set: see above.

	// KeepLast keeps the newest n, at least 2.
	KeepLast int
	// KeepAges keeps, for each age, one checkpoint at least so old.
	KeepAges []time.Duration
	// KeepBest keeps the best by a metric: see Lowest and Highest. A metric given to SaveIfDue
	// that is better than all before is a reason to save.
	KeepBest Ranking
	// KeepEverySteps and KeepEvery keep, for ever, the first checkpoint at or past each
	// multiple of so many steps, and in each stretch of so much time.
	KeepEverySteps int64
	KeepEvery      time.Duration
	// MaxBytes is what all checkpoints of the run may take on the disk, 0 for no limit. What
	// must stay (the newest two, pinned ones, ...) stays even so.
	MaxBytes int64

	// ---- What to restore.

	// From is the checkpoint to restore; the zero Selector is the newest that is whole.
	From Selector
	// ReadOnly opens a run only to look at it, and to restore from it. Nothing is ever written, and a writer
	// may be at work.
	ReadOnly bool
	// MustResume makes it an error that there is nothing to restore.
	MustResume bool
	// Config is the configuration of the run, anything that JSON can hold. What of it has
	// changed since the save is in Restored.Changed.
	Config any
	// Identity are the settings of Config, by paths such as "data.seed", that make the run what
	// it is: where one differs, Restore fails with ErrDifferentRun.
	Identity []string
	// Renames is a plan for a model whose parameters have other names than those saved: the text that
	// the error of Restore proposed, as it was reviewed.
	Renames string

	// ---- How.

	// AllowNotFinite turns off the gate that no state with NaN or infinities in trained
	// weights, or in what the optimizer remembers, gets through.
	AllowNotFinite bool
	// Rollbacks is how often Rollback to LastGood may be called before it fails; 0 means 3.
	Rollbacks int
	// OnRollback is called after each rollback, before training goes on: the place to lower
	// the learning rate or to skip data. An error ends the run.
	OnRollback func(*Restored) error
	// ShardSize divides weights that are larger among files of at most so many bytes; 0 means 5 GB.
	ShardSize int64
	// LinkUnchanged gives a file whose bytes are those of the last checkpoint a second name
	// instead of writing it again; every fourth time it is written. It saves time and space where much is
	// frozen, and costs that damage to one copy is damage to four. Give what is frozen a part of its own:
	// runs.Named("backbone", runs.Weights(frozen)).
	LinkUnchanged bool
	// BytesPerSecond caps how fast checkpoints are written in the background; 0 means no cap.
	BytesPerSecond int64
	// AllowUnlocked writes also on file systems without locks.
	AllowUnlocked bool
	// Observer is told what happens, from several goroutines but never two at once. It must return soon.
	Observer func(Event)
	// Log gets the same, for people; nil means slog.Default().
	Log *slog.Logger

	fs   fsys.FS          // nil for the system's
	now  func() time.Time // nil for time.Now
	args []string         // nil for os.Args
}

// A Ranking is an order of checkpoints by metrics: the best by any of them are kept.
type Ranking []retain.Best

// Lowest keeps the checkpoint with the lowest value of a metric. NaN ranks behind every number
// and never takes a place; of equal ones the earlier step wins. Combine rankings with append.
func Lowest(metric string) Ranking { return Ranking{{Metric: metric, Lowest: true, K: 1}} }

// Highest keeps the checkpoint with the highest value of a metric.
func Highest(metric string) Ranking { return Ranking{{Metric: metric, K: 1}} }

// Top keeps the best k instead of the best one.
func (r Ranking) Top(k int) Ranking {
	out := make(Ranking, len(r))
	for i, b := range r {
		b.K = k
		out[i] = b
	}
	return out
}

const (
	defaultGrace     = 25 * time.Second
	defaultFresh     = 5 * time.Second
	defaultRollbacks = 3
	defaultLostTime  = 0.01
	defaultShardSize = 5_000_000_000
)

// withDefaults fills in what is zero.
func (o *Options) withDefaults() Options {
	c := Options{}
	if o != nil {
		c = *o
	}
	setDefault(&c.Grace, defaultGrace)
	setDefault(&c.FreshEnough, defaultFresh)
	setDefault(&c.Rollbacks, defaultRollbacks)
	setDefault(&c.ShardSize, defaultShardSize)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.args == nil {
		c.args = os.Args
	}
	return c
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// rules are the options that say when.
func (o *Options) rules() schedule.Rules {
	return schedule.Rules{
		Budget: o.LostTime, Min: o.MinInterval, Max: o.MaxInterval,
		EverySteps: o.EverySteps, Every: o.Every, At: o.AtSteps,
		GrowStart: o.GrowFrom, GrowFactor: o.GrowBy,
	}
}

// policy is the options that say which. Two are always kept: the newest, and the one that is
// there while it is written.
func (o *Options) policy() (retain.Policy, error) {
	p := retain.Policy{
		Last: o.KeepLast, Best: o.KeepBest, EverySteps: o.KeepEverySteps, Every: o.KeepEvery,
		Ages: o.KeepAges, MaxBytes: o.MaxBytes,
	}
	if p.Last == 0 {
		p.Last = retain.Default().Last
	}
	if o.KeepLast == 0 && o.KeepAges == nil && len(o.KeepBest) == 0 && o.KeepEverySteps == 0 && o.KeepEvery == 0 {
		p.Ages = retain.Default().Ages
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("runs: options: %w", err)
	}
	return p, nil
}
