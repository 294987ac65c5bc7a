package safetensors

// This file goes over the data of an image on all cores: to copy it there, and to sum it.

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/minio/crc64nvme"
	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/bulk"
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

// eachPart calls work for every part, on all cores, until one fails.
func (m *Image) eachPart(ctx context.Context, work func(p *imagePart) error) error {
	if m.mem == nil {
		return errors.New("an image without memory: call Place first")
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	group, until := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(m.parts)) {
		group.Go(func() error {
			for k := next.Add(1) - 1; k < int64(len(m.parts)); k = next.Add(1) - 1 {
				if err := context.Cause(until); err != nil {
					return err
				}
				if err := work(&m.parts[k]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// sumParts sums all parts.
func (m *Image) sumParts(ctx context.Context) error {
	return m.eachPart(ctx, func(p *imagePart) error {
		p.sum = crc64nvme.Checksum(m.mem[p.begin:p.end])
		return nil
	})
}

// joinParts makes the sums of tensors of those of their parts.
func (m *Image) joinParts() {
	clear(m.sums) // the checksum of nothing is 0
	for i := range m.parts {
		p := &m.parts[i]
		m.sums[p.tensor] = joinSums(m.sums[p.tensor], p.sum, p.end-p.begin)
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
	err := m.eachPart(ctx, func(p *imagePart) error {
		s := &src[p.tensor]
		if !s.inHand() {
			return nil
		}
		begin := p.begin - m.l.at(p.tensor)
		data := s.Data[begin:][:p.end-p.begin]
		return s.readable(func() error { bulk.Copy(m.mem[p.begin:p.end], data); return nil })
	})
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

// readable runs read, and says which tensor an error is of, also where memory faults.
func (s *Source) readable(read func() error) error {
	var err error
	if fault := mmap.Guard(func() { err = read() }); fault != nil {
		err = fault
	}
	if err != nil {
		return fmt.Errorf("tensor %q: %w", s.Name, err)
	}
	return nil
}

// A memoryWriter writes to memory, of which there is enough.
type memoryWriter struct{ left []byte }

func (w *memoryWriter) Write(p []byte) (int, error) {
	n := copy(w.left, p)
	w.left = w.left[n:]
	return n, nil
}
