package atomicio

// This file is writing past the page cache. The caller's bytes are copied into a few
// blocks of aligned memory, and a few goroutines write full blocks to the disk meanwhile:
// copying and writing overlap, and the disk never waits for either.
//
// Best of 11 tries on a virtual disk of 3.4 GB/s, 2 cores, in ms: whole saves, with rename
// and both syncs, through the page cache and as here; and, as the least that the disk can
// do, bare direct writes from aligned memory, which no caller has.
//
//	  8 MiB    4.9    3.7    2.5
//	 16 MiB    9.4    6.7    5.1
//	 64 MiB     35     24     20
//	256 MiB    125     80     77
//	  1 GiB    494    313    302
//
// Half of the saves of 1 GiB took more than 754 and 322 ms: beside other programs, writing
// through the cache is the first to suffer. So it does when the writing out is begun early
// (sync_file_range), which was as fast on an idle machine and twice as slow on a busy one.

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/fb777929/kibisis/checkpoint/internal/bulk"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

const (
	// directFrom is the least announced size that is written directly, in bytes. Below,
	// there is a millisecond to win and a block can hardly overlap with another.
	directFrom = 8 << 20
	// blockSize is what one direct write takes, in bytes, at a multiple of itself: with
	// 2 MiB a save took 4 % longer, with 8 MiB as long.
	blockSize = 4 << 20
	// writers is how many direct writes are under way, and blocks how many there are: one
	// more, so that one can be filled. As many blocks as writers cost 8 %.
	writers = 3
	blocks  = writers + 1
)

// direct is the sequential part of a File on its way to the disk. All its methods are for
// one goroutine.
type direct struct {
	file  fsys.File // takes whole blocks
	plain fsys.File // takes what file refuses, and the last bytes
	align int       // of whatever file takes, in bytes
	free  func() error

	filling []byte // bytes not under way yet
	begin   int64  // where they belong in the file; a multiple of the block size
	size    int    // of a block, in bytes

	idle    chan []byte // blocks that nothing uses
	full    chan block
	running sync.WaitGroup // goroutines
	flying  sync.WaitGroup // blocks handed to them

	refused atomic.Bool // file does not take direct writes after all
	mu      sync.Mutex
	err     error // the first of any write
}

// block is bytes to be written at off.
type block struct {
	bytes []byte
	off   int64
}

// newDirect starts the goroutines. It takes over file; size is the file's, per that of a
// block.
func newDirect(file, plain fsys.File, align int, size int64, per int) (*direct, error) {
	count := int(min(blocks, (size+int64(per)-1)/int64(per)))
	memory, free, err := fsys.NewBuffer(count * per)
	if err != nil {
		return nil, err
	}
	d := &direct{
		file: file, plain: plain, align: align, free: free, size: per,
		idle: make(chan []byte, count), full: make(chan block, count),
	}
	for i := range count {
		d.idle <- memory[i*per : i*per : (i+1)*per]
	}
	for range min(writers, count) {
		d.running.Go(d.run)
	}
	return d, nil
}

// write copies p and returns. It returns the error of an earlier write, if there was one.
func (d *direct) write(p []byte) (n int, err error) {
	for n < len(p) {
		if err := d.failed(); err != nil {
			return n, err
		}
		if d.filling == nil {
			d.filling = <-d.idle
		}
		have := len(d.filling)
		take := min(len(p)-n, d.size-have)
		d.filling = d.filling[:have+take]
		bulk.Copy(d.filling[have:], p[n:n+take])
		if n += take; len(d.filling) == d.size {
			d.send(d.size)
		}
	}
	return n, nil
}

// send hands the first n bytes of the block to the goroutines. It is the last block if
// that is not all of it.
func (d *direct) send(n int) {
	d.flying.Add(1)
	d.full <- block{d.filling[:n], d.begin}
	d.begin += int64(n)
	d.filling = nil
}

func (d *direct) run() {
	for b := range d.full {
		if err := d.put(b); err != nil {
			d.fail(err)
		}
		d.idle <- b.bytes[:0]
		d.flying.Done()
	}
}

// put writes a block. A file system may take direct writes here and refuse them there, so
// what is refused is written again the ordinary way.
func (d *direct) put(b block) error {
	if !d.refused.Load() {
		err := writeAll(d.file, b)
		if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		d.refused.Store(true)
	}
	return writeAll(d.plain, b)
}

func writeAll(f fsys.File, b block) error {
	n, err := f.WriteAt(b.bytes, b.off)
	if err == nil && n < len(b.bytes) {
		err = io.ErrShortWrite
	}
	return err
}

// wait returns when no direct write is under way.
func (d *direct) wait() { d.flying.Wait() }

// finish writes what is left: whole units of alignment directly, the rest the ordinary
// way, which is behind all direct writes, because both ways must not meet in one page.
// Then it lets go of everything.
func (d *direct) finish() error {
	rest := d.filling
	if whole := len(rest) / d.align * d.align; whole > 0 {
		rest = rest[whole:]
		d.send(whole)
	}
	d.wait()
	err := d.failed()
	if err == nil && len(rest) > 0 {
		err = writeAll(d.plain, block{rest, d.begin})
	}
	return errors.Join(err, d.stop())
}

// stop waits for the writes under way, forgets what is left and lets go of everything.
func (d *direct) stop() error {
	close(d.full)
	d.running.Wait()
	return errors.Join(d.file.Close(), d.free())
}

func (d *direct) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *direct) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
	}
}
