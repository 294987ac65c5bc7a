package runs

// This file spares writing what was written before: see Options.LinkUnchanged.

import (
	"context"
	"errors"

	"github.com/zeebo/xxh3"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// maxLinks is how often a file may be linked before it is written again, so that damage to one
// copy is damage to no more than four checkpoints.
const maxLinks = 3

// A written is what a file of the last checkpoint had.
type written struct {
	plan   *filePlan // files of one plan and one content are equal, header and all
	digest xxh3.Uint128
	from   store.Entry
	links  int // since it was written
}

// links remembers the files of the last checkpoint. It is the background's.
type links struct {
	last, next map[string]written
	bytes      int64 // that were not written, by the flight that is under way
}

// begin begins a checkpoint.
func (l *links) begin() { l.next, l.bytes = map[string]written{}, 0 }

// commit makes the checkpoint the last one.
func (l *links) commit(e store.Entry) {
	for name, w := range l.next {
		w.from = e
		l.next[name] = w
	}
	l.last = l.next
}

// link gives the checkpoint a file of the last one, if its content is the same, and reports
// whether it did. Damage to that file means that it is written again.
func (f *flight) link(ctx context.Context, p *filePlan, w writable) (bool, error) {
	l := &f.r.links
	data := w.data.Bytes[w.data.Late:]
	now := written{plan: p, digest: xxh3.Hash128(data)}
	old, ok := l.last[w.name]
	same := ok && old.plan == p && old.digest == now.digest && old.links < maxLinks
	if same {
		err := f.r.readBack(ctx, old.from.ID, w.name)
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound) {
			return false, err
		}
		same = err == nil
	}
	if !same {
		l.next[w.name] = now
		return false, nil
	}
	now.links = old.links + 1
	l.next[w.name] = now
	l.bytes += int64(len(w.data.Bytes))
	return true, f.pending.Link(w.name, old.from)
}

// readBack sees that a file is what was written, once for each time it was.
func (r *Run) readBack(ctx context.Context, id store.ID, name string) error {
	c, err := r.store.Checkpoint(id)
	if err != nil {
		return err
	}
	return errors.Join(c.VerifyOnce(ctx, name), c.Close())
}
