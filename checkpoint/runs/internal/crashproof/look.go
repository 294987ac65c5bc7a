package crashproof

// This file compares a run, as a reader finds it, with what was promised.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// look looks at everything.
func (v *view) look(ctx context.Context, s *store.Store, disk *faulty.Disk, l *ledger) error {
	entries, err := s.List()
	if err != nil {
		return err
	}
	for i := range entries {
		if i > 0 && !before(entries[i-1].ID, entries[i].ID) {
			return violated("I3", "%s is listed before %s", entries[i-1].ID, entries[i].ID)
		}
		if err := v.entry(ctx, s, disk, &entries[i], l); err != nil {
			return err
		}
	}
	if err := v.newest(ctx, s, entries, l); err != nil {
		return err
	}
	if err := v.lineage(entries, l); err != nil {
		return err
	}
	return v.complete(disk, l)
}

// before is the order of checkpoints: what a newer writer made is newer, whatever its step.
func before(a, b store.ID) bool {
	return a.Generation < b.Generation || a.Generation == b.Generation && a.Step < b.Step
}

// entry finds the record that a checkpoint is.
func (v *view) entry(ctx context.Context, s *store.Store, disk *faulty.Disk, e *store.Entry, l *ledger) error {
	if e.Err != nil {
		return v.unusable(e, l)
	}
	i, err := match(ctx, s, disk, e, l)
	if err != nil {
		return err
	}
	found := sighting{id: e.ID, pins: e.Pins, metrics: map[string]float64{}}
	for name, value := range e.Recorded {
		found.metrics[name] = float64(value)
	}
	v.records[i] = found
	return l.records[i].allows(e, found)
}

// unusable finds the record of a checkpoint that has no manifest: that must be what was damaged.
func (v *view) unusable(e *store.Entry, l *ledger) error {
	i := l.damaged(e.ID)
	if i < 0 || l.records[i].damaged != store.ManifestName || !errors.Is(e.Err, store.ErrDamaged) {
		return violated("I2", "%s cannot be used: %v", e.ID, e.Err)
	}
	v.records[i] = sighting{id: e.ID, pins: e.Pins}
	return nil
}

// match returns the number of the record, by the bytes on the disk. A damaged one is told by its name.
func match(ctx context.Context, s *store.Store, disk *faulty.Disk, e *store.Entry, l *ledger) (int, error) {
	if i := l.damaged(e.ID); i >= 0 {
		c, err := s.Checkpoint(e.ID)
		if err != nil {
			return 0, err
		}
		return i, errors.Join(namesDamage(c.Verify(ctx)), c.Close())
	}
	got, err := raw(disk, e.String(), slices.Collect(maps.Keys(e.Manifest.Files)))
	if err != nil {
		return 0, err
	}
	i := l.find(e.ID, got)
	if i < 0 {
		return 0, violated("I2", "%s is not what any save was given that it could be", e.ID)
	}
	whole, err := s.Entry(e.ID)
	if err := cmp.Or(err, whole.Err); err != nil {
		return 0, err
	}
	var extra struct{ Serial int }
	if err := json.Unmarshal(whole.Manifest.Extra, &extra); err != nil || extra.Serial != l.records[i].state.serial {
		return 0, violated("I2", "%s says %s, want state %d", e.ID, whole.Manifest.Extra, l.records[i].state.serial)
	}
	return i, nil
}

// raw is files as they are, without the store.
func raw(disk *faulty.Disk, dir string, names []string) (state, error) {
	s := state{files: map[string][]byte{}}
	for _, name := range names {
		b, err := disk.ReadFile(rootPath + "/" + dir + "/" + name)
		if err != nil {
			return s, violated("I2", "%v", err)
		}
		s.files[name] = b
	}
	return s, nil
}

// namesDamage sees that an error says where the damage is.
func namesDamage(err error) error {
	var damage *store.DamageError
	if !errors.As(err, &damage) || damage.File != weightsFile || damage.Tensor != tensorName {
		return violated("damage", "of %s in %s is told as: %v", tensorName, weightsFile, err)
	}
	return nil
}

// allows compares what people added to a checkpoint with what they asked for.
func (r *record) allows(e *store.Entry, found sighting) error {
	for name, s := range r.pins {
		if has := slices.Contains(found.pins, name); s == kept && !has || s == gone && has {
			return violated("I4", "%s has the pins %q, and %q is %s", e.ID, found.pins, name, s)
		}
	}
	for _, name := range found.pins {
		if _, known := r.pins[name]; !known {
			return violated("I4", "%s is pinned by %q, which nobody did", e.ID, name)
		}
	}
	if e.RecordedErr != nil || len(e.Foreign) > 0 {
		return violated("I4", "%s: records %v, foreign files %q", e.ID, e.RecordedErr, e.Foreign)
	}
	for name, want := range r.metrics {
		if got, there := found.metrics[name]; !want.allows(got, there) {
			return violated("I4", "%s has %s = %v (%t)", e.ID, name, got, there)
		}
	}
	return nil
}

// newest finds what a run would go on from.
func (v *view) newest(ctx context.Context, s *store.Store, entries []store.Entry, l *ledger) error {
	c, skipped, err := newest(ctx, s, entries)
	if err != nil {
		return err
	}
	for _, id := range skipped {
		if l.damaged(id) < 0 {
			return violated("damage", "%s is passed over, which is good", id)
		}
	}
	if c == nil {
		if i := l.newest(); i >= 0 {
			return violated("I3", "nothing to go on from, want %v", &l.records[i])
		}
		return nil
	}
	for i, found := range v.records {
		if found.id == c.ID {
			v.head = i
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	if !l.mayHead(v.head) {
		return violated("I3", "to go on from is %v, want record %d or one that came after it", &l.records[v.head], l.newest())
	}
	return nil
}

// lineage compares the lineage of the head with that of the record.
func (v *view) lineage(entries []store.Entry, l *ledger) error {
	head, line := store.Head(entries)
	if head == nil {
		return nil
	}
	number := func(id store.ID) int {
		for i, found := range v.records {
			if found.id == id {
				return i
			}
		}
		return -1
	}
	if i := number(head.ID); !l.mayHead(i) && l.damaged(head.ID) < 0 {
		return violated("I3", "the head is %v, want record %d or one that came after it", &l.records[i], l.newest())
	}
	var got, want []int
	for _, e := range line {
		got = append(got, number(e.ID))
	}
	for _, i := range l.lineage(number(head.ID)) {
		if _, there := v.records[i]; there && l.records[i].damaged != store.ManifestName {
			want = append(want, i)
		}
	}
	if !slices.Equal(got, want) {
		return violated("I3", "the lineage of %s is of records %v, want %v", head.ID, got, want)
	}
	return nil
}

// complete looks for what is not there, and for names that ought not to be.
func (v *view) complete(disk *faulty.Disk, l *ledger) error {
	names := rootNames(disk)
	for i := range l.records {
		if err := v.present(names, i, &l.records[i]); err != nil {
			return err
		}
	}
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, damagedPrefix); ok {
			id, _ := store.ParseID(rest)
			if !slices.ContainsFunc(l.records, func(r record) bool { return r.aside != gone && r.is(id) }) {
				return violated("damage", "%s was set aside, and nobody wanted that", name)
			}
		}
		if strings.HasPrefix(name, evidencePrefix) {
			if err := wholeEvidence(disk, l.evidence, name); err != nil {
				return err
			}
		}
	}
	for name, e := range l.evidence {
		if e.standing == kept && !slices.Contains(names, name) {
			return violated("I4", "%s is lost", name)
		}
	}
	return nil
}

func (v *view) present(names []string, i int, r *record) error {
	_, there := v.records[i]
	aside := r.id.Generation > 0 && slices.Contains(names, damagedPrefix+r.id.String())
	switch {
	case r.standing == kept && !there:
		return violated("I4", "%v is lost; there are %q", r, names)
	case r.aside == kept && !aside:
		return violated("I4", "%v was set aside and is lost; there are %q", r, names)
	case r.aside == maybe && aside == there:
		return violated("I4", "%v is neither where it was nor aside, or both; there are %q", r, names)
	}
	return nil
}

// wholeEvidence looks at the files: no call of the store reads them.
func wholeEvidence(disk *faulty.Disk, known map[string]evidence, name string) error {
	want, ok := known[name]
	if !ok {
		return violated("I2", "%s was kept as evidence, and nobody wanted that", name)
	}
	got, err := raw(disk, name, slices.Collect(maps.Keys(want.state.files)))
	if err != nil {
		return err
	}
	if !got.equal(want.state) {
		return violated("I2", "%s is not what was to be kept", name)
	}
	return nil
}
