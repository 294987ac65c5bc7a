package store

// This file is what a checkpoint came from.

import (
	"fmt"
	"slices"
)

// A Span is the part of a generation that a later one went on from: its checkpoints up to a step.
type Span struct {
	Generation uint64 `json:"generation"`
	Step       int64  `json:"step"` // the last one
}

// A Lineage is the generations before a checkpoint's own, oldest first.
type Lineage []Span

// Has reports whether a checkpoint is one of those before.
func (l Lineage) Has(id ID) bool {
	return slices.ContainsFunc(l, func(s Span) bool { return s.Generation == id.Generation && id.Step <= s.Step })
}

// check refuses what no writer makes: generations must rise.
func (l Lineage) check(own uint64) error {
	last := uint64(0)
	for _, s := range l {
		if s.Generation <= last || s.Step < 0 {
			return fmt.Errorf("lineage %v: generations must rise and steps be at least 0", l)
		}
		last = s.Generation
	}
	if last >= own {
		return fmt.Errorf("lineage %v: must end before the checkpoint's own generation %d", l, own)
	}
	return nil
}

// after is the lineage of a generation that goes on from m.
func after(m *Manifest) Lineage {
	return append(slices.Clone(m.Lineage), Span{m.Generation, m.Step})
}

// OnLineage reports whether other is head itself or one that it came from.
func (m *Manifest) OnLineage(other ID) bool {
	return other.Generation == m.Generation && other.Step <= m.Step || m.Lineage.Has(other)
}
