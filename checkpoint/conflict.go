package checkpoint

// This file compares tensors of a file that belong in the same memory of a model:
// those of the names of a tie, and those of views that overlap.

import (
	"bytes"
	"slices"
)

// firstConflict finds the first of the rivals that disagrees with one before it about
// a byte of the memory they share; nil where none does. It changes nothing: what they
// would write is written to a copy.
func firstConflict(rivals []*assignment) (*Conflict, error) {
	if same, err := sameData(rivals); same || err != nil {
		return nil, err
	}
	s := newShadow(rivals)
	for i, a := range rivals {
		agrees, err := s.write(a)
		if err != nil {
			return nil, err
		}
		if !agrees {
			return conflictWith(a, rivals[:i])
		}
	}
	return nil, nil
}

// conflictWith finds which of others, one of which it is, a disagrees with.
func conflictWith(a *assignment, others []*assignment) (*Conflict, error) {
	last := len(others) - 1
	for _, b := range others[:last] {
		if b.end() <= a.addr() || a.end() <= b.addr() {
			continue
		}
		s := newShadow([]*assignment{a, b})
		if _, err := s.write(b); err != nil {
			return nil, err
		}
		if agrees, err := s.write(a); !agrees || err != nil {
			return &Conflict{A: b.name, B: a.name}, err
		}
	}
	return &Conflict{A: others[last].name, B: a.name}, nil
}

// end is behind the last byte.
func (m memory) end() uintptr { return m.addr() + uintptr(m.span()) }

// sameData reports whether rivals are equal tensors for equal memory, which is what a
// tied model saved as an untied one looks like, and costs no copy.
func sameData(rivals []*assignment) (bool, error) {
	first := rivals[0]
	for _, a := range rivals[1:] {
		if identityOfMemory(a.param) != identityOfMemory(first.param) ||
			!slices.Equal(a.view.Axes, first.view.Axes) || a.from.DType() != first.from.DType() {
			return false, nil
		}
		same := false
		err := a.guarded(func() error { same = bytes.Equal(a.data, first.data); return nil })
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// A shadow stands for a piece of the model's memory.
type shadow struct {
	base    uintptr
	bytes   []byte
	written []byte // for each byte, 1 once it has been
}

// newShadow makes a shadow of all that the assignments write to.
func newShadow(all []*assignment) *shadow {
	lo, hi := all[0].addr(), uintptr(0)
	for _, a := range all {
		lo, hi = min(lo, a.addr()), max(hi, a.end())
	}
	return &shadow{base: lo, bytes: make([]byte, hi-lo), written: make([]byte, hi-lo)}
}

// write writes a, and reports whether that changed no byte that was written before.
func (s *shadow) write(a *assignment) (agrees bool, err error) {
	at := a.addr() - s.base
	over := func(raw []byte) *walker { return newWalker(raw[at:], a.width(), a.view) }
	oldBytes, newBytes := over(s.bytes), over(s.bytes)
	oldWritten, newWritten := over(s.written), over(s.written)
	size := int(min(castPiece, a.layout.Elements()) * a.width())
	old, written, ones := make([]byte, size), make([]byte, size), bytes.Repeat([]byte{1}, size)
	agrees = true
	err = a.guarded(func() error {
		a.pump(a.data, nil, func(piece []byte) {
			n := len(piece)
			oldBytes.gather(old[:n])
			oldWritten.gather(written[:n])
			for i, b := range piece {
				agrees = agrees && (written[i] == 0 || old[i] == b)
			}
			newBytes.scatter(piece)
			newWritten.scatter(ones[:n])
		})
		return nil
	})
	return agrees, err
}
