package safetensors

// This file is one pass over files on all cores: to read them into memory, to
// compare checksums, or both at once.

import (
	"context"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

const (
	// maxStretch is how much of a file one goroutine takes at a time, at most.
	// Longer stretches save nothing, and the last ones keep cores waiting.
	maxStretch = 32 << 20
	minStretch = 1 << 20
	// mostStretches is how many there may be for a claim of much data, about: 2 TiB
	// are so many of maxStretch, and more makes them longer.
	mostStretches = 1 << 16
	// sumStep is how much is read before it is summed: little enough to be in a
	// core's own cache still.
	sumStep = 256 << 10
)

// A pass is what one pass reads, and what comes out.
type pass struct {
	stretches []stretch
	want      [][]wanted // by shard; nil for one without checksums to compare
	checked   int        // how many checksums those are
}

// A stretch is a part of one shard that one goroutine works through.
type stretch struct {
	s          *shard
	begin, end int64    // counted from the start of the file
	slab       []byte   // of the whole file, to be filled; nil where it is only looked at
	want       []wanted // those of the shard
	parts      []part   // the checksums that came out, in file order
}

// A part is the checksum of those bytes of a tensor that lie in one stretch.
type part struct {
	entry int
	sum   uint64
	size  int64
}

// newPass plans a pass that fills the slabs, one a shard and nil for those that
// stay where they are, and that sums what has a checksum.
func (f *File) newPass(slabs [][]byte, sums bool) *pass {
	p := &pass{want: make([][]wanted, len(f.shards))}
	var runs []stretch
	for i, s := range f.shards {
		if sums {
			var n int
			p.want[i], n = s.wanted()
			p.checked += n
		}
		if slabs != nil && slabs[i] != nil {
			runs = append(runs, stretch{s: s, end: s.src.size, slab: slabs[i], want: p.want[i]})
		} else {
			runs = append(runs, s.runs(p.want[i])...)
		}
	}
	p.cut(runs)
	return p
}

// cut makes stretches of runs, so short that each core has several.
func (p *pass) cut(runs []stretch) {
	var total int64
	for _, run := range runs {
		total += min(run.end-run.begin, math.MaxInt64-total)
	}
	size := min(max(total/int64(4*runtime.GOMAXPROCS(0)), minStretch), maxStretch)
	size = max(size, total/mostStretches)
	for _, run := range runs {
		for end := run.end; run.begin < end; run.begin = run.end {
			run.end = run.begin + min(size, end-run.begin)
			p.stretches = append(p.stretches, run)
		}
	}
}

// run works through the stretches in their order, which is the files' own: disks like
// it, and stretches are short enough to keep all cores busy to the end.
func (p *pass) run(ctx context.Context) error {
	group, until := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range p.stretches {
		if until.Err() != nil {
			break
		}
		group.Go(func() error { return p.stretches[i].run(until) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// run reads the stretch: into its slab where it has one, and for its checksums
// where some are wanted.
func (p *stretch) run(ctx context.Context) error {
	step, look := p.end-p.begin, func([]byte, int64) {}
	if p.want != nil {
		sums := newTally(p)
		defer func() { p.parts = sums.finish() }()
		step, look = sumStep, sums.feed
	}
	buf := p.buffer(step)
	for at := p.begin; at < p.end; at += step {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n := min(step, p.end-at)
		if p.slab != nil {
			buf = p.slab[at:][:n:n]
		}
		if err := p.s.look(at, at+n, buf, func(b []byte) { look(b, at) }); err != nil {
			return err
		}
	}
	return nil
}

// buffer is where steps are read to that are neither in memory nor to be.
func (p *stretch) buffer(step int64) []byte {
	if p.slab != nil || p.s.src.r == nil {
		return nil
	}
	return make([]byte, min(step, p.end-p.begin))
}

// look calls f with bytes [begin, end) of the file: in place where they are in
// memory, else read into the beginning of buf.
func (s *shard) look(begin, end int64, buf []byte, f func([]byte)) error {
	release, err := s.reading()
	if err != nil {
		return err
	}
	defer release()
	return s.src.guarded(begin, end, func() error {
		if s.src.r == nil {
			f(s.src.mem[begin:end])
			return nil
		}
		if err := s.src.readAt(buf[:end-begin], begin); err != nil {
			return err
		}
		f(buf[:end-begin])
		return nil
	})
}

// A tally sums the wanted tensors of one stretch.
type tally struct {
	stretch *stretch
	next    int // the entry whose bytes come next
	sum     runningSum
	size    int64 // of what is in sum
	parts   []part
}

func newTally(p *stretch) *tally {
	h := p.s.h
	next, _ := slices.BinarySearchFunc(h.entries, p.begin, func(e entry, at int64) int {
		if h.absolute(e.end) <= at {
			return -1
		}
		return 1
	})
	return &tally{stretch: p, next: next, sum: newSum()}
}

// feed takes the bytes that begin at byte at of the file.
func (t *tally) feed(b []byte, at int64) {
	h := t.stretch.s.h
	if skip := h.dataStart() - at; skip > 0 { // the header
		skip = min(skip, int64(len(b)))
		b, at = b[skip:], at+skip
	}
	for len(b) > 0 && t.next < len(h.entries) { // tensors tile the data
		end := h.absolute(h.entries[t.next].end)
		n := min(end-at, int64(len(b)))
		if t.stretch.want[t.next].is {
			_, _ = t.sum.Write(b[:n]) // a hash never fails
			t.size += n
		}
		if b, at = b[n:], at+n; at == end {
			t.flush()
			t.next++
		}
	}
}

// flush notes what was summed of a tensor.
func (t *tally) flush() {
	if t.size > 0 {
		t.parts = append(t.parts, part{t.next, t.sum.Sum64(), t.size})
		t.sum.Reset()
		t.size = 0
	}
}

// finish returns the parts, when the stretch has been fed whole.
func (t *tally) finish() []part {
	t.flush()
	return t.parts
}
