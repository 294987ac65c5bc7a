package safetensors

// This file goes over the data of an image on all cores: to copy it there, and to sum it.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/minio/crc64nvme"
	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/bulk"
	"github.com/fb777929/kibisis/checkpoint/internal/crc"
	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
)

// imagePiece is how many bytes a core takes at a time, at most. While it works on them the
// scheduler cannot step in.
const imagePiece = 1 << 20

// An imagePart is a part of one tensor.
type imagePart struct {
	tensor     int
	begin, end int64 // counted from the start of the file
	sum        uint64
}

// cut makes parts of all data, in file order. Only a layout whose file fits in memory may
// be cut: there is a part for every piece.
func (l *layout) cut() []imagePart {
	parts := make([]imagePart, 0, l.size/imagePiece+int64(len(l.specs)))
	for _, i := range l.order {
		end := l.at(i) + l.sizes[i]
		for begin := l.at(i); begin < end; begin += imagePiece {
			parts = append(parts, imagePart{tensor: i, begin: begin, end: min(begin+imagePiece, end)})
		}
	}
	return parts
}

// alone is how many bytes one core goes over sooner than it has a second one woken up.
const alone = 4 << 20

// An imagePass gives every part to one goroutine.
type imagePass struct {
	ctx   context.Context
	parts []imagePart
	next  atomic.Int64
}

// onAllCores runs worker on as many goroutines as the data is worth, the caller's among them, until one
// fails. Each ranges over what it is given of the parts.
func (m *Image) onAllCores(ctx context.Context, worker func(parts iter.Seq[*imagePart]) error) error {
	if m.mem == nil {
		return errors.New("an image without memory: call Place first")
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	p := &imagePass{ctx: ctx, parts: m.parts}
	group := errgroup.Group{}
	for range min(runtime.GOMAXPROCS(0)-1, int(m.l.size/alone)) {
		group.Go(func() error { return p.run(worker) })
	}
	err := p.run(worker)
	return cmp.Or(err, group.Wait())
}

// run runs one worker. When it fails, nobody is given another part.
func (p *imagePass) run(worker func(iter.Seq[*imagePart]) error) error {
	var ended error
	err := worker(func(yield func(*imagePart) bool) {
		work := int64(0) // since the last look at the context
		for k := p.next.Add(1) - 1; k < int64(len(p.parts)); k = p.next.Add(1) - 1 {
			part := &p.parts[k]
			if work += part.end - part.begin; work >= imagePiece {
				work = 0
				ended = context.Cause(p.ctx)
			}
			if ended != nil || !yield(part) {
				return
			}
		}
	})
	if err = cmp.Or(ended, err); err != nil {
		p.next.Store(int64(len(p.parts)))
	}
	return err
}

// sumParts sums all parts.
func (m *Image) sumParts(ctx context.Context) error {
	return m.onAllCores(ctx, func(parts iter.Seq[*imagePart]) error {
		for p := range parts {
			p.sum = crc64nvme.Checksum(m.mem[p.begin:p.end])
		}
		return nil
	})
}

// joinParts makes the sums of tensors of those of their parts.
func (m *Image) joinParts() {
	clear(m.sums) // the checksum of nothing is 0
	for i := range m.parts {
		p := &m.parts[i]
		m.sums[p.tensor] = crc.Join(m.sums[p.tensor], p.sum, p.end-p.begin)
	}
}

// Fill copies the data of all tensors to where it goes. src are the tensors of the specs, in
// their order. Data in hand is copied on all cores, while the caller waits; WriteData is
// called on the caller's goroutine, once. ctx ends it between pieces of 1 MiB and before each
// WriteData; the error is then the context's cause. After an error the data is a mixture.
// Memory that faults, such as a mapping of a file that somebody cut short, is an error.
func (m *Image) Fill(ctx context.Context, src []Source) error {
	if err := alike(src, m.l.specs); err != nil {
		return err
	}
	if err := m.l.fitAll(0, src); err != nil {
		return err
	}
	if err := m.fill(ctx, src); err != nil {
		return fmt.Errorf("safetensors: fill: %w", err)
	}
	return nil
}

// alike refuses sources that are not those of the specs.
func alike(src []Source, specs []Spec) error {
	if len(src) != len(specs) {
		return fmt.Errorf("safetensors: %d sources for %d specs", len(src), len(specs))
	}
	for i := range src {
		got, want := src[i].spec(), specs[i]
		if got.Name != want.Name || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
			return fmt.Errorf("safetensors: source %d is %q, %s %v, its spec says %q, %s %v",
				i, got.Name, got.DType, got.Shape, want.Name, want.DType, want.Shape)
		}
	}
	return nil
}

func (m *Image) fill(ctx context.Context, src []Source) error {
	err := m.onAllCores(ctx, func(parts iter.Seq[*imagePart]) error { return m.copyParts(parts, src) })
	if err != nil {
		return err
	}
	for i := range src {
		if src[i].inHand() {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := src[i].readable(func() error { return src[i].copyTo(&memoryWriter{m.Tensor(i)}, m.l.sizes[i]) }); err != nil {
			return err
		}
	}
	return nil
}

// copyParts copies those whose data is in hand, under one guard: a guard for each costs as much as the
// copy of a small tensor.
func (m *Image) copyParts(parts iter.Seq[*imagePart], src []Source) error {
	var at *Source
	fault := mmap.Guard(func() {
		for p := range parts {
			at = &src[p.tensor]
			if at.inHand() {
				begin := p.begin - m.l.at(p.tensor)
				bulk.Copy(m.mem[p.begin:p.end], at.Data[begin:][:p.end-p.begin])
			}
		}
	})
	if fault != nil {
		return at.failed(fault)
	}
	return nil
}

// readable runs read, and says which tensor an error is of, also where memory faults.
func (s *Source) readable(read func() error) error {
	var err error
	if fault := mmap.Guard(func() { err = read() }); fault != nil {
		err = fault
	}
	if err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *Source) failed(err error) error { return fmt.Errorf("tensor %q: %w", s.Name, err) }

// A memoryWriter writes to memory, of which there is enough.
type memoryWriter struct{ left []byte }

func (w *memoryWriter) Write(p []byte) (int, error) {
	n := copy(w.left, p)
	w.left = w.left[n:]
	return n, nil
}
