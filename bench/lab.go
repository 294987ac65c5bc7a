package main

// This file is what the rows work on: two models in memory, files on disk, and a
// Python process.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/fb777929/kibisis/checkpoint"
)

// A lab owns what the rows use. Rows run one at a time.
type lab struct {
	options
	dir    string // ours, removed in the end
	source *model // is saved, and never changed
	target *model // is loaded into
	python *peer  // nil without one
	noPeer string // why there is none

	plain  string // the file of source
	header []byte // of plain, up to its data
	summed string // the same with checksums
	torch  string // the same by torch.save, where that is asked for
}

// newLab makes everything that is not to be timed.
func newLab(ctx context.Context, o options) (_ *lab, err error) {
	dir, err := os.MkdirTemp(o.dir, "kibisis-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{options: o, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	l.source, l.target = newModel(int64(o.size)), newModel(int64(o.size))
	l.source.fill()
	if err := l.makeFiles(ctx); err != nil {
		return nil, err
	}
	return l, l.startPython(ctx)
}

// makeFiles makes what is loaded and opened. The large ones are synced, so that
// their way to the disk does not fall into somebody's sample; the page cache keeps
// them.
func (l *lab) makeFiles(ctx context.Context) error {
	for _, n := range openCounts {
		if err := writeTensors(l.tensorsPath(n), n); err != nil {
			return err
		}
	}
	l.plain, l.summed = l.path("plain.safetensors"), l.path("summed.safetensors")
	if err := checkpoint.SaveModel(ctx, l.plain, l.source.state(), nil); err != nil {
		return err
	}
	err := checkpoint.SaveModel(ctx, l.summed, l.source.state(), &checkpoint.SaveOptions{Checksums: true})
	if err != nil {
		return err
	}
	l.header, err = readHeader(l.plain)
	return err
}

func (l *lab) startPython(ctx context.Context) error {
	if l.pythonPath == "" {
		l.noPeer = "no Python: set $KIBISIS_PYTHON or -python"
		return nil
	}
	var err error
	l.python, err = startPeer(ctx, l.pythonPath, l.dir)
	if missing := (*missingError)(nil); errors.As(err, &missing) {
		l.noPeer = missing.Error()
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.python.do("model", l.plain); err != nil || !l.withTorch {
		return err
	}
	l.torch = l.path("torch.pt")
	return l.python.do("torch_file", l.torch)
}

// close ends Python and removes the files.
func (l *lab) close() error {
	var err error
	if l.python != nil {
		err = l.python.close()
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// tensorsPath is where the file of n tensors is.
func (l *lab) tensorsPath(n int) string { return l.path(fmt.Sprintf("tensors-%d.safetensors", n)) }

// rows is everything to be measured, in the order in which it is printed.
func (l *lab) rows() []*row {
	var all []*row
	for _, list := range [][]*row{l.saveRows(), l.durableRows(), l.loadRows(), l.openRows()} {
		all = append(all, list...)
	}
	return all
}

// discard removes a file that a sample wrote, and waits until the file system has
// noted that, so that it does not do so during the next sample. Dirty pages go
// with the file and are never written.
func (l *lab) discard(path string) func() error {
	return func() error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return syncDir(l.dir)
	}
}

// savedRight is the check of a row that saves source to path.
func (l *lab) savedRight(path string) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := l.target.clear(); err != nil {
			return err
		}
		if _, err := checkpoint.LoadModel(ctx, path, l.target.state(), nil); err != nil {
			return err
		}
		return l.target.equals(l.source)
	}
}

// loadedRight is the check of a row that loads into target.
func (l *lab) loadedRight(context.Context) error { return l.target.equals(l.source) }

// cores is on how many goroutines or threads the floors run that use more than one.
func cores() int { return runtime.GOMAXPROCS(0) }
