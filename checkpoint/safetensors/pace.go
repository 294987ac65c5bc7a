package safetensors

// This file is what happens between the pieces of a write: the caller is told how
// far it is, and may end it.

import (
	"context"
	"io"
	"slices"
	"sync"
)

// pieceBytes is the most that is written in one call. Between pieces a write can be
// ended, and the scheduler steps in.
const pieceBytes = 8 << 20

// A pace is shared by all who write to one file.
type pace struct {
	stop     func() error // why to write no more; nil where nothing ends a write
	progress func(done, total int64)
	total    int64 // of the file

	mu   sync.Mutex
	done int64
}

// endedBy makes a pace's stop of a context.
func endedBy(ctx context.Context) func() error {
	return func() error { return context.Cause(ctx) }
}

// ended returns why to write no more.
func (p *pace) ended() error {
	if p.stop == nil {
		return nil
	}
	return p.stop()
}

// wrote reports n bytes more.
func (p *pace) wrote(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.progress != nil {
		p.progress(p.done, p.total)
	}
}

// A pacedWriter writes in pieces.
type pacedWriter struct {
	w io.Writer
	*pace
}

func (p pacedWriter) Write(b []byte) (done int, err error) {
	for piece := range slices.Chunk(b, pieceBytes) {
		if err := p.ended(); err != nil {
			return done, err
		}
		n, err := p.w.Write(piece)
		done += n
		if err != nil {
			return done, err
		}
		p.wrote(int64(n))
	}
	return done, nil
}
