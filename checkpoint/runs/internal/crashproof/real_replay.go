package crashproof

// This file cuts the power of a disk in memory to which is done what was done to a real one.

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/oplog"
)

// replay cuts at every call of every story: a few states of the disk first, and then more and more of
// them while there is time.
func replay(ctx context.Context, p *Place, until time.Time, o *Outcome) error {
	all, err := p.rehearsed(ctx)
	if err != nil {
		return err
	}
	states, moments, short := make([]int, len(all)), make([]int, len(all)), false
	for limit := 1; limit == 1 || limit <= 1<<14 && time.Now().Before(until) && len(o.Lost) == 0; limit *= 4 {
		for i, r := range all {
			share := time.Until(until) / time.Duration(len(all)-i)
			end := time.Now().Add(max(share, 100*time.Millisecond))
			report, err := r.cut(ctx, Cutting{Max: limit, Torn: limit / 4, Until: end})
			if err := o.take(err); err != nil {
				return err
			}
			short = short || limit == 1 && time.Now().After(end)
			states[i], moments[i] = max(states[i], report.States), max(moments[i], report.Moments)
		}
	}
	total := 0
	for i := range all {
		o.Tried += states[i]
		total += moments[i]
	}
	o.note("cut before %d calls of %d stories", total, len(all))
	if short {
		o.note("there was no time for all calls: give it a larger budget")
	}
	return nil
}

// cut does to a disk in memory what was done to the real one.
func (r *rehearsal) cut(ctx context.Context, c Cutting) (Report, error) {
	again := func(p *player) error {
		err := oplog.Replay(r.log, p.fs, func(i int) error {
			p.ledger.Store(r.at(i))
			return nil
		})
		p.ledger.Store(r.last)
		return err
	}
	disk, l := r.script.stage()
	return cutFrom(ctx, disk, l, &script{name: r.script.name, steps: []step{again}}, c, check)
}

func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	return nil
}
