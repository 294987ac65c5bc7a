package runs

// This file goes back.

import (
	"context"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/schedule"
)

// Rollback brings the state back to an earlier checkpoint, and makes the run go on from there: see
// Restore. It waits for a save in the background, and keeps a state that was just refused for its
// NaN out of the run. With LastGood it counts: after Options.Rollbacks of them it fails with
// ErrRollbacks. Options.OnRollback runs last.
//
//	if errors.Is(err, runs.ErrNotFinite) {
//		restored, err = run.Rollback(ctx, runs.LastGood())
//	}
func (r *Run) Rollback(ctx context.Context, to Selector) (*Restored, error) {
	if err := r.writable(); err != nil {
		return nil, fmt.Errorf("runs: roll back: %w", err)
	}
	if to.what == "good" {
		if r.rollbacks >= r.opts.Rollbacks {
			return nil, fmt.Errorf("runs: roll back to %s: %w: %d of %d", to, ErrRollbacks, r.rollbacks, r.opts.Rollbacks)
		}
		r.rollbacks++
	}
	r.land()
	before := r.step
	restored, err := r.restore(ctx, to, r.parts)
	if err != nil {
		return nil, fmt.Errorf("runs: roll back to %s: %w", to, err)
	}
	restored.LostSteps = max(restored.LostSteps, before-restored.Step)
	r.seen.tell(RolledBack{Restored: restored})
	if r.opts.OnRollback != nil {
		if err := r.opts.OnRollback(restored); err != nil {
			return restored, fmt.Errorf("runs: roll back to %s: %w", to, err)
		}
	}
	return restored, nil
}

// restartSchedule has the rules of steps go on from that one.
func (r *Run) restartSchedule(step int64) (err error) {
	r.schedule, err = schedule.New(r.opts.rules(), step, r.opts.now())
	return err
}
