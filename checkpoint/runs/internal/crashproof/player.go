package crashproof

// This file is a program that trains: it calls the store, and enters in the ledger what it is told.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// A player plays a script. It is for one goroutine, but for its ledger, which others may look at.
type player struct {
	ctx     context.Context
	disk    *faulty.Disk // for damage, which no call does; not used where there is a medium
	medium  *Medium      // nil where there is none
	fs      fsys.FS
	store   *store.Store // nil while the run is not open
	ledger  atomic.Pointer[ledger]
	labels  map[string]int // numbers of records
	serial  int            // of the last state made
	weights int            // bytes of weights in the states to come
}

func newPlayer(ctx context.Context, disk *faulty.Disk, fs fsys.FS, l *ledger) *player {
	p := &player{ctx: ctx, disk: disk, fs: fs, labels: map[string]int{}, serial: len(l.records), weights: weightsSize}
	p.ledger.Store(l)
	return p
}

// options have a clock that stands still, so that the same script gives the same bytes.
func options(fs fsys.FS) *store.Options {
	return &store.Options{FS: fs, Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }}
}

// enter enters something in the ledger.
func (p *player) enter(change func(*ledger)) { p.ledger.Store(p.ledger.Load().next(change)) }

// amend changes one record.
func (p *player) amend(i int, change func(*record)) {
	p.enter(func(l *ledger) { change(&l.records[i]) })
}

var (
	// errNotOpen is what calls return after an Open that failed.
	errNotOpen = errors.New("the run is not open")
	// errNotSaved is what they return after a save that failed.
	errNotSaved = errors.New("there is no such checkpoint")
	// errNothingWhole says that all checkpoints are damaged.
	errNothingWhole = errors.New("no checkpoint is whole")
)

// open opens the run as a new process does, and goes on from the newest checkpoint that is whole.
func (p *player) open() error {
	s, err := store.Open(rootPath, options(p.fs))
	if err != nil {
		return err
	}
	p.store = s
	if err := p.restore(); err != nil {
		return errors.Join(err, p.close())
	}
	return nil
}

// close closes the run if it is open.
func (p *player) close() error {
	s := p.store
	p.store = nil
	if s == nil {
		return nil
	}
	return s.Close()
}

// restore goes on from the newest good checkpoint, and only then sets damaged ones aside.
func (p *player) restore() error {
	entries, err := p.store.List()
	if err != nil {
		return err
	}
	c, skipped, err := newest(p.ctx, p.store, entries)
	if err != nil {
		return err
	}
	if c == nil {
		return p.begin(skipped)
	}
	defer c.Close() // nothing was written through it
	i, err := p.identify(c)
	if err != nil {
		return err
	}
	for _, id := range skipped {
		if err := p.setAside(id); err != nil {
			return err
		}
	}
	return p.goOn(i, &c.Entry)
}

// begin begins anew, but never over something.
func (p *player) begin(skipped []store.ID) error {
	if l := p.ledger.Load(); l.newest() >= 0 {
		return violated("I3", "nothing is restored, want %v", &l.records[l.newest()])
	}
	if len(skipped) > 0 {
		return errNothingWhole
	}
	_, err := p.store.GoOn(p.ctx, nil)
	return err
}

// identify finds the record of the checkpoint that is restored, which must be one to go on from.
func (p *player) identify(c *store.Checkpoint) (int, error) {
	s, err := read(c)
	if err != nil {
		return 0, err
	}
	l := p.ledger.Load()
	i := l.find(c.ID, s)
	switch {
	case i < 0:
		return 0, violated("I2", "restored %s, which is not what any save was given", c.ID)
	case !l.mayHead(i):
		return 0, violated("I3", "restored %v, want record %d or one that came after it", &l.records[i], l.newest())
	}
	return i, nil
}

// goOn has the store go on from record i, for which it may have to make a copy the new head.
func (p *player) goOn(i int, e *store.Entry) error {
	var try int
	p.enter(func(l *ledger) {
		old := l.records[i]
		try = l.add(record{
			id: store.ID{Step: e.Step}, above: p.store.Generation(),
			state: old.state, origin: l.lineage(i),
		})
	})
	head, err := p.store.GoOn(p.ctx, e)
	p.enter(func(l *ledger) {
		r := &l.records[try]
		switch {
		case errors.Is(err, store.ErrUnconfirmed):
			return
		case err != nil || head.ID == e.ID:
			r.standing = gone
		default:
			r.standing, r.id = kept, head.ID
		}
		if err == nil && head.ID == e.ID {
			l.line = l.lineage(i)
		} else if err == nil {
			l.line = l.lineage(try)
		}
	})
	return err
}

// save saves a new state of that step, with those of its files linked that are named, from the record
// with the label from.
func (p *player) save(label string, step int64, from string, linked ...string) error {
	if p.store == nil {
		return errNotOpen
	}
	p.serial++
	s := newState(p.serial, p.weights)
	var source *store.Entry
	if len(linked) > 0 {
		i, e, err := p.verified(from)
		if err != nil {
			return err
		}
		source = e
		for _, name := range linked {
			s.files[name] = p.ledger.Load().records[i].state.files[name]
		}
	}
	var i int
	p.enter(func(l *ledger) {
		i = l.add(record{id: store.ID{Generation: p.store.Generation(), Step: step}, state: s, origin: l.line})
	})
	p.labels[label] = i
	e, err := p.commit(s, step, source, linked)
	p.enter(func(l *ledger) {
		switch {
		case err == nil:
			l.records[i].standing, l.records[i].id = kept, e.ID
		case !errors.Is(err, store.ErrUnconfirmed):
			l.records[i].standing = gone
			return
		}
		l.line = l.lineage(i)
	})
	return err
}

func (p *player) commit(s state, step int64, source *store.Entry, linked []string) (store.Entry, error) {
	pending, err := p.fill(s, step, source, linked)
	if err != nil {
		return store.Entry{}, err
	}
	return pending.Commit(p.ctx, &store.Manifest{Kind: "periodic", Extra: s.extra()})
}

// fill writes the files of a checkpoint to come.
func (p *player) fill(s state, step int64, source *store.Entry, linked []string) (*store.Pending, error) {
	sizes := s.sizes()
	for _, name := range linked {
		delete(sizes, name)
	}
	pending, err := p.store.Begin(step, sizes, store.TensorRoom(tensorName))
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		if slices.Contains(linked, name) {
			err = pending.Link(name, *source)
		} else {
			err = pending.Write(p.ctx, name, s.data(name))
		}
		if err != nil {
			return nil, errors.Join(err, pending.Close())
		}
	}
	return pending, nil
}

// verified is a checkpoint that was read back.
func (p *player) verified(label string) (int, *store.Entry, error) {
	i, id, err := p.find(label)
	if err != nil {
		return 0, nil, err
	}
	c, err := p.store.Checkpoint(id)
	if err != nil {
		return 0, nil, err
	}
	err = errors.Join(c.Verify(p.ctx), c.Close())
	return i, &c.Entry, err
}

// find returns the number and the name of a checkpoint that was acknowledged in this run.
func (p *player) find(label string) (int, store.ID, error) {
	i, ok := p.labels[label]
	if !ok || p.ledger.Load().records[i].standing == gone {
		return 0, store.ID{}, fmt.Errorf("%w: %s", errNotSaved, label)
	}
	return i, p.ledger.Load().records[i].id, nil
}

// rewind goes back to a checkpoint.
func (p *player) rewind(label string) error {
	if p.store == nil {
		return errNotOpen
	}
	i, e, err := p.verified(label)
	if err != nil {
		return err
	}
	return p.goOn(i, e)
}
