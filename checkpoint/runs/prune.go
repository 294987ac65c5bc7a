package runs

// This file deletes what no rule keeps.

import (
	"context"
	"errors"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/retain"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// prune applies the policy to the lineage of the newest checkpoint. What it could not do, it tells
// the observer: a run is none the worse for a checkpoint too many. Nil means that there was
// nothing to do.
func (r *Run) prune(ctx context.Context) *Pruned {
	plan, err := r.plan()
	if err != nil {
		r.seen.warnOnce(fmt.Sprintf("nothing is deleted: %v", err))
		return nil
	}
	for _, w := range plan.Warnings {
		r.seen.warnOnce(w)
	}
	if len(plan.Delete) == 0 {
		return nil
	}
	deleted, err := r.store.Prune(ctx, idsOf(plan.Delete), idsOf(plan.Keep))
	if err != nil && !errors.Is(err, store.ErrPinned) && !errors.Is(err, store.ErrInUse) {
		r.seen.warnOnce(err.Error())
	}
	if len(deleted) == 0 {
		return nil
	}
	p := &Pruned{Freed: plan.Freed}
	for _, id := range deleted {
		p.Deleted = append(p.Deleted, id.String())
	}
	return p
}

func idsOf(verdicts []retain.Verdict) []store.ID {
	ids := make([]store.ID, len(verdicts))
	for i, v := range verdicts {
		ids[i] = store.ID{Generation: v.Item.Generation, Step: v.Item.Step}
	}
	return ids
}

// plan asks the policy what to do with the run as it is.
func (r *Run) plan() (retain.Plan, error) {
	entries, err := r.store.List()
	if err != nil {
		return retain.Plan{}, err
	}
	_, lineage := store.Head(entries)
	items := make([]retain.Item, len(lineage))
	for i, e := range lineage {
		items[i] = itemOf(e)
	}
	if err := r.inodes(lineage, items); err != nil {
		return retain.Plan{}, err
	}
	return r.policy.Plan(items, r.opts.now()), nil
}

func itemOf(e store.Entry) retain.Item {
	item := retain.Item{
		Generation: e.Generation, Step: e.Step, Time: e.Manifest.Time,
		Pinned:  e.Pinned || len(e.Foreign) > 0,
		Metrics: map[string]float64{},
	}
	for name, v := range e.Metrics() {
		item.Metrics[name] = float64(v)
	}
	return item
}

// inodes finds which files of a lineage are one on the disk.
func (r *Run) inodes(lineage []store.Entry, items []retain.Item) error {
	groups, err := r.store.SameFiles(lineage)
	if err != nil {
		return err
	}
	for i := range items {
		for _, f := range groups[i] {
			items[i].Files = append(items[i].Files, retain.Inode{ID: f.ID, Bytes: f.Bytes})
		}
	}
	return nil
}

// A Deletion is what Prune does, or would do, with one checkpoint.
type Deletion struct {
	ID      string
	Step    int64
	Delete  bool
	Reasons []string // why it is kept, or why it goes
}

// Prune applies the rules for which checkpoints to keep, as every save does. With dryRun it
// only says what it would do.
func (r *Run) Prune(ctx context.Context, dryRun bool) ([]Deletion, error) {
	if r.opts.ReadOnly && !dryRun {
		return nil, fmt.Errorf("runs: prune: %w", ErrReadOnly)
	}
	r.land()
	plan, err := r.plan()
	if err != nil {
		return nil, fmt.Errorf("runs: prune: %w", err)
	}
	var list []Deletion
	for _, v := range plan.Keep {
		list = append(list, deletionOf(v, false))
	}
	for _, v := range plan.Delete {
		list = append(list, deletionOf(v, true))
	}
	if dryRun {
		return list, nil
	}
	if _, err := r.store.Prune(ctx, idsOf(plan.Delete), idsOf(plan.Keep)); err != nil {
		return list, fmt.Errorf("runs: prune: %w", err)
	}
	return list, nil
}

func deletionOf(v retain.Verdict, gone bool) Deletion {
	id := store.ID{Generation: v.Item.Generation, Step: v.Item.Step}
	return Deletion{ID: id.String(), Step: id.Step, Delete: gone, Reasons: v.Reasons}
}
