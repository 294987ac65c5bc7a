package checkpoint

// This file is the only one that writes to a model. What it does has been
// checked: it can fail only where a medium does that was read once before.

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/bulk"
	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// commitPiece is how many bytes one goroutine copies before it takes the next
// piece: enough for the cost of a goroutine not to show, little enough for
// several cores to share one large tensor. It is a multiple of every dtype's width, and a
// variable for the tests' sake.
var commitPiece = 16 << 20

// A copyTask is a piece of an assignment.
type copyTask struct {
	*assignment
	begin, end int  // bytes of data
	stream     bool // past the caches: see bulk.Stream
}

// commit copies all that was staged, on all cores, checks that the file is still
// whole, and binds new values.
func (p *plan) commit(check func() error, progress func(done, total int64)) error {
	c := &committer{progress: progress, total: p.report.Bytes, written: map[string]bool{}}
	group := errgroup.Group{}
	group.SetLimit(runtime.GOMAXPROCS(0))
	var shared []copyTask // those that write to memory of others: one after the other
	for _, t := range p.tasks() {
		if t.overlaps {
			shared = append(shared, t)
		} else {
			group.Go(func() error { return c.run(t) })
		}
	}
	group.Go(func() error { return c.runAll(shared) })
	err := group.Wait()
	if err == nil {
		err = check()
	}
	if err != nil {
		return c.partial(err)
	}
	for _, a := range p.unbound {
		if err := a.bind(); err != nil {
			return c.partial(fmt.Errorf("bind %q: %w", a.name, err))
		}
		c.note(a.names)
	}
	return nil
}

// tasks splits the assignments.
func (p *plan) tasks() []copyTask {
	var tasks []copyTask
	for _, a := range p.assignments {
		pieces := []copyTask{{assignment: a, end: len(a.data)}}
		if a.view.Contiguous() {
			pieces = a.pieces()
		}
		for _, t := range pieces {
			// A value made for this load was never touched.
			t.stream = p.report.Bytes >= bulk.StreamTotal && a.bind == nil
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// pieces splits the data. Elements under a byte stay together.
func (a *assignment) pieces() []copyTask {
	size := commitPiece
	if a.from.DType().Bits() < 8 {
		size = max(len(a.data), 1)
	}
	var pieces []copyTask
	for begin := 0; begin < len(a.data); begin += size {
		pieces = append(pieces, copyTask{assignment: a, begin: begin, end: min(begin+size, len(a.data))})
	}
	return pieces
}

// copies reports whether the bytes go to the model as they are.
func (a *assignment) copies() bool {
	return a.cast == nil && a.asInFile() && a.dtype != safetensors.Bool
}

// write puts the piece where it belongs.
func (t copyTask) write() {
	data := t.data[t.begin:t.end]
	switch {
	case t.copies():
		t.move(t.raw[t.begin:], data)
	case t.view.Contiguous():
		rest := t.raw[int64(t.begin)*8/int64(t.from.DType().Bits())*t.width():]
		t.pump(data, nil, func(piece []byte) {
			t.move(rest, piece)
			rest = rest[len(piece):]
		})
	default:
		walk := newWalker(t.raw, t.width(), t.view)
		t.pump(data, nil, walk.scatter)
	}
}

// move copies to the model.
func (t copyTask) move(dst, src []byte) {
	if t.stream {
		bulk.Stream(dst, src)
		return
	}
	bulk.Copy(dst, src)
}

// A committer keeps what the goroutines of a commit share.
type committer struct {
	progress func(done, total int64)

	mu          sync.Mutex
	failed      bool
	written     map[string]bool
	done, total int64
}

func (c *committer) runAll(tasks []copyTask) error {
	for _, t := range tasks {
		if err := c.run(t); err != nil {
			return err
		}
	}
	return nil
}

func (c *committer) run(t copyTask) error {
	if !c.start(t) {
		return nil
	}
	// Also the model's memory can fault: a tensor over a read-only mapping does.
	err := mmap.Guard(t.write)
	if err != nil {
		err = t.unreadable(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed = true
		return err
	}
	c.done += int64(t.end-t.begin) * int64(t.dtype.Bits()) / int64(t.from.DType().Bits())
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
	return nil
}

// start notes that t is being written, unless another piece has failed.
func (c *committer) start(t copyTask) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed {
		return false
	}
	if t.bind == nil { // else nobody has the value yet
		c.note(t.names)
	}
	return true
}

// note adds names to those written.
func (c *committer) note(names []string) {
	for _, name := range names {
		c.written[name] = true
	}
}

func (c *committer) partial(err error) error {
	e := &PartialLoadError{Err: err}
	for name := range c.written {
		e.Written = append(e.Written, name)
	}
	slices.Sort(e.Written)
	return e
}

// unreadable says which tensor a fault was met in.
func (a *assignment) unreadable(err error) error {
	begin, end := a.from.Range()
	file := "the file"
	if path := a.from.Path(); path != "" {
		file = filepath.Base(path) // a shard's, if there are more
	}
	return fmt.Errorf("tensor %q, bytes [%d:%d) of %s: %w", a.from.Name(), begin, end, file, err)
}
