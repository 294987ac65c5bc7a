package crashproof

// This file reads checkpoints while another process saves and deletes.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// churnSize is how many bytes a checkpoint has that is soon deleted.
const churnSize = 256 << 10

// churn is the writer: it saves, and deletes all but two, as fast as it can.
func churn(ctx context.Context, dir string, _ []string, out io.Writer) error {
	return saveForEver(ctx, dir, churnSize, out)
}

// readWhileDeleting opens the newest checkpoint again and again, and reads all of it.
func readWhileDeleting(ctx context.Context, p *Place, until time.Time, o *Outcome) error {
	dir, err := emptied(p.Dir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "run")
	writer, err := p.start(ctx, "churn", path)
	if err != nil {
		return err
	}
	var saved atomic.Int64
	ended := make(chan error, 1)
	go func() {
		ended <- writer.each(func(line string) error {
			var step int64
			if _, err := fmt.Sscanf(line, "saved %d", &step); err == nil {
				saved.Store(step)
			}
			return nil
		})
	}()
	r := &reader{path: path, want: make([]byte, churnSize), saved: &saved}
	err = r.run(ctx, until, o)
	_ = writer.cmd.Process.Kill() // unless it is dead already, of which it speaks itself
	if err := errors.Join(err, <-ended); err != nil {
		return fmt.Errorf("in %s: %w", path, err)
	}
	o.note("%d of them deleted before they could be opened, beside %d saves", r.old, saved.Load())
	return removeAll(dir)
}

type reader struct {
	path  string
	want  []byte
	saved *atomic.Int64 // the last step that the writer reported
	old   int           // checkpoints that were deleted between listing and opening
}

func (r *reader) run(ctx context.Context, until time.Time, o *Outcome) error {
	patience := time.Now().Add(time.Minute)
	for r.saved.Load() == 0 {
		if ctx.Err() != nil || time.Now().After(patience) {
			return errors.New("the writer does not write")
		}
		time.Sleep(time.Millisecond)
	}
	for ctx.Err() == nil && (o.Tried == 0 || time.Now().Before(until)) {
		read, err := r.read(ctx)
		if err != nil {
			return err
		}
		o.Tried += read
	}
	return nil
}

// read opens the run anew, and reads what is there, newest first.
func (r *reader) read(ctx context.Context) (read int, err error) {
	s, err := store.OpenReadOnly(r.path, nil)
	if err != nil {
		return 0, lawOf("I1", "reading", err)
	}
	defer s.Close() // nothing was written through it
	before := r.saved.Load()
	entries, err := s.List()
	if err != nil {
		return 0, lawOf("I1", "listing", err)
	}
	if head, _ := store.Head(entries); head == nil || head.Step < before {
		return 0, violated("I4", "step %d was reported, and the head is %v", before, head)
	}
	for i := len(entries) - 1; i >= 0; i-- {
		c, err := s.Checkpoint(entries[i].ID)
		if errors.Is(err, store.ErrNotFound) {
			r.old++
			continue
		}
		if err != nil {
			return read, lawOf("I2", "open "+entries[i].String(), err)
		}
		fillLarge(r.want, entries[i].Step)
		if err := same(ctx, c, r.want); err != nil {
			return read, err
		}
		read++
	}
	return read, nil
}
