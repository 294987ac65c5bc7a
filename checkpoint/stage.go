package checkpoint

// This file does everything of a load that can fail, before the model changes:
// bytes are brought where they can be read and compared with their checksums, and
// conversions are tried. conflict.go compares them with each other.

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// stage makes the plan ready for commit.
func (p *plan) stage(ctx context.Context, o *LoadOptions) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	all := p.staged()
	// The largest first: no core is left with one of them in the end.
	slices.SortStableFunc(all, func(a, b *assignment) int { return cmp.Compare(b.from.Size(), a.from.Size()) })
	for _, a := range all {
		group.Go(func() error { return a.stage(gctx, o) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := p.casts(o.Cast); err != nil {
		return err
	}
	return p.conflicts()
}

// staged is every assignment to be read: the planned ones, and those that are
// read only to be compared.
func (p *plan) staged() []*assignment {
	all := slices.Clone(p.assignments)
	seen := make(map[*assignment]bool, len(all))
	for _, a := range all {
		seen[a] = true
	}
	for _, rivals := range p.rivals {
		for _, a := range rivals {
			if !seen[a] {
				seen[a] = true
				all = append(all, a)
			}
		}
	}
	return all
}

// stage reads a's bytes, or faults them in where the file is mapped, so that a
// file that has become shorter is found out now.
func (a *assignment) stage(ctx context.Context, o *LoadOptions) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	var err error
	if a.data, err = a.from.Bytes(); err != nil {
		return err
	}
	if err := a.fetch(ctx, o); err != nil {
		return err
	}
	if a.cast == nil || isExact(a.cast.From, a.cast.To) {
		return nil
	}
	return a.tryCast(ctx)
}

// tryCast counts what converting does, on all cores.
func (a *assignment) tryCast(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	mu := sync.Mutex{}
	for _, piece := range a.pieces() {
		group.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			r := &CastReport{}
			err := a.guarded(func() error {
				a.pump(a.data[piece.begin:piece.end], r, func([]byte) {})
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			a.cast.add(r)
			return err
		})
	}
	return group.Wait()
}

// fetch has the bytes read once: for their checksum, else to fault them in.
func (a *assignment) fetch(ctx context.Context, o *LoadOptions) error {
	read := false
	if !o.SkipChecksums {
		err := a.guarded(func() (err error) {
			read, err = a.verify()
			return err
		})
		if err != nil {
			return err
		}
	}
	if read || !a.from.Mapped() {
		return nil
	}
	if err := mmap.Populate(ctx, a.data); err != nil {
		return a.unreadable(err)
	}
	return nil
}

// verify compares the bytes with their checksum, and reports whether the file has one.
func (a *assignment) verify() (stored bool, err error) {
	if a.stored.Slice != nil {
		return a.from.Verify()
	}
	return a.from.VerifyBytes(a.data)
}

// guarded runs f, which reads data. A fault of a mapping is an error.
func (a *assignment) guarded(f func() error) error {
	if !a.from.Mapped() {
		return f()
	}
	var err error
	if fault := mmap.Guard(func() { err = f() }); fault != nil {
		return a.unreadable(fault)
	}
	return err
}

// pump calls f with the elements in data, which is a's or a part of it, a piece at a
// time, in the file's order, as the model holds them: converted, in the machine's byte
// order, bools 0 or 1. What converting does is counted in r, if there is one. f must not
// keep the piece.
func (a *assignment) pump(data []byte, r *CastReport, f func(piece []byte)) {
	var convert converter
	from := a.dtype
	if a.cast != nil {
		from = a.cast.From
		convert = newConverter(from, a.dtype, a.layout.Elements())
	}
	buf := make([]byte, min(castPiece, a.layout.Elements())*a.width())
	for len(data) > 0 {
		n := min(castPiece, int64(len(data))*8/int64(from.Bits()))
		size := n * int64(from.Bits()) / 8
		piece := buf[:n*a.width()]
		if convert != nil {
			convert(piece, data[:size], r)
		} else {
			copy(piece, data[:size])
		}
		data = data[size:]
		if a.dtype == safetensors.Bool {
			normalizeBools(piece)
		}
		swapBytes(piece, a.dtype)
		f(piece)
	}
}

// normalizeBools makes every true 1: a file may hold any byte, a Go bool may not.
func normalizeBools(p []byte) {
	for i, b := range p {
		if b != 0 {
			p[i] = 1
		}
	}
}

// casts moves what conversions did into the report, and refuses what c does.
func (p *plan) casts(c Cast) error {
	for _, a := range p.assignments {
		if a.cast != nil {
			p.report.Casts = append(p.report.Casts, *a.cast)
		}
	}
	var refused []CastReport
	for _, a := range p.staged() { // also those that are only compared
		if a.cast != nil && !c.allowed(a.cast) {
			refused = append(refused, *a.cast)
		}
	}
	byName := func(a, b CastReport) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(p.report.Casts, byName)
	slices.SortFunc(refused, byName)
	if len(refused) > 0 {
		return &CastError{refused}
	}
	return nil
}

// conflicts finds assignments that would write different bytes to one place.
func (p *plan) conflicts() error {
	e := &MismatchError{}
	for _, rivals := range p.rivals {
		c, err := firstConflict(rivals)
		if err != nil {
			return err
		}
		if c != nil {
			e.Conflicts = append(e.Conflicts, *c)
		}
	}
	if e.empty() {
		return nil
	}
	e.sort()
	return e
}
