package crashproof

// This file is what a program does with checkpoints that are there, and what people and time do to them.

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// prune deletes checkpoints.
func (p *player) prune(doomed []string, keep ...string) error {
	if p.store == nil {
		return errNotOpen
	}
	ids, err := p.all(doomed)
	stay, err2 := p.all(keep)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	for _, label := range doomed {
		p.amend(p.labels[label], func(r *record) {
			if r.standing == kept && !r.pinned() {
				r.standing = maybe
			}
		})
	}
	deleted, err := p.store.Prune(p.ctx, ids, stay)
	if len(deleted) > 0 && !p.anyGood(keep) {
		return violated("I4", "%v were deleted, and nothing that is kept is good", deleted)
	}
	for i, label := range doomed {
		p.amend(p.labels[label], func(r *record) {
			switch {
			case slices.Contains(deleted, ids[i]) && r.pinned():
				err = errors.Join(err, violated("I4", "%v was deleted, which is pinned", r))
			case slices.Contains(deleted, ids[i]):
				r.standing = gone
			case r.standing == maybe && p.visible(ids[i].String()):
				r.standing = kept // it was left alone
			}
		})
	}
	return err
}

// anyGood reports whether one of these was not damaged.
func (p *player) anyGood(labels []string) bool {
	return slices.ContainsFunc(labels, func(label string) bool {
		return p.ledger.Load().records[p.labels[label]].damaged == ""
	})
}

// all are the names of checkpoints.
func (p *player) all(labels []string) (ids []store.ID, err error) {
	for _, label := range labels {
		_, id, notSaved := p.find(label)
		ids, err = append(ids, id), errors.Join(err, notSaved)
	}
	return ids, err
}

// visible reports whether a name is in the run's directory.
func (p *player) visible(name string) bool {
	return slices.Contains(p.now().Names(rootPath), name)
}

// now is the disk as it is.
func (p *player) now() *faulty.Disk {
	if p.medium != nil {
		return p.medium.Load()
	}
	return p.disk
}

func (r *record) pinned() bool {
	for _, s := range r.pins {
		if s == kept {
			return true
		}
	}
	return false
}

// pin pins a checkpoint as another process does, which has no lock.
func (p *player) pin(label, name string) error {
	i, id, err := p.find(label)
	if err != nil {
		return err
	}
	p.setPin(i, name, maybe)
	err = p.besides(func(s *store.Store) error { return s.Pin(id, name) })
	if err == nil {
		p.setPin(i, name, kept)
	}
	return err
}

func (p *player) unpin(label, name string) error {
	i, id, err := p.find(label)
	if err != nil {
		return err
	}
	p.setPin(i, name, maybe)
	err = p.besides(func(s *store.Store) error { return s.Unpin(id, name) })
	if err == nil {
		p.setPin(i, name, gone)
	}
	return err
}

func (p *player) setPin(i int, name string, s standing) {
	p.amend(i, func(r *record) {
		r.pins = maps.Clone(r.pins)
		if r.pins == nil {
			r.pins = map[string]standing{}
		}
		r.pins[name] = s
	})
}

// besides does something through a store without the lock.
func (p *player) besides(do func(*store.Store) error) error {
	s, err := store.OpenReadOnly(rootPath, options(p.fs))
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// record adds a metric to a checkpoint.
func (p *player) record(label, name string, v float64) error {
	i, id, err := p.find(label)
	if err != nil {
		return err
	}
	set := func(change func(promise) promise) {
		p.amend(i, func(r *record) {
			r.metrics = maps.Clone(r.metrics)
			if r.metrics == nil {
				r.metrics = map[string]promise{}
			}
			r.metrics[name] = change(r.metrics[name])
		})
	}
	set(func(old promise) promise { return promise{old.kept, &v} })
	err = p.besides(func(s *store.Store) error {
		return s.Record(id, map[string]jsonfloat.Float{name: jsonfloat.Float(v)})
	})
	if err == nil {
		set(func(promise) promise { return promise{kept: &v} })
	}
	return err
}

// setAside sets a damaged checkpoint aside.
func (p *player) setAside(id store.ID) error {
	i := slices.IndexFunc(p.ledger.Load().records, func(r record) bool { return r.damaged != "" && r.is(id) })
	if i < 0 {
		return violated("damage", "%s is called damaged, which it is not", id)
	}
	p.amend(i, func(r *record) { r.standing, r.aside = maybe, maybe })
	_, err := p.store.SetAside(id)
	if err == nil {
		p.amend(i, func(r *record) { r.standing, r.aside = gone, kept })
	}
	return err
}

// keepEvidence keeps a state that is no good.
func (p *player) keepEvidence(step int64) error {
	if p.store == nil {
		return errNotOpen
	}
	p.serial++
	s := newState(p.serial, p.weights)
	pending, err := p.fill(s, step, nil, nil)
	if err != nil {
		return err
	}
	name := evidencePrefix + pending.ID().String()
	p.setEvidence(name, evidence{s, maybe})
	_, err = pending.CommitEvidence(p.ctx, &store.Manifest{Kind: "nan", Extra: s.extra()})
	if err == nil {
		p.setEvidence(name, evidence{s, kept})
	}
	return err
}

func (p *player) setEvidence(name string, e evidence) {
	p.enter(func(l *ledger) {
		l.evidence = maps.Clone(l.evidence)
		if l.evidence == nil {
			l.evidence = map[string]evidence{}
		}
		l.evidence[name] = e
	})
}

// damage changes one byte of a file of a checkpoint, on the medium, and not that of a checkpoint that
// has the file as well.
func (p *player) damage(label, file string) error {
	i, id, err := p.find(label)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("%s/%s/%s", rootPath, id, file)
	b, err := p.now().ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)-1] ^= 1
	if p.medium != nil {
		p.medium.Rot(path, b)
	} else {
		p.disk.WriteFile(path, b)
	}
	p.amend(i, func(r *record) { r.damaged = file })
	return nil
}
