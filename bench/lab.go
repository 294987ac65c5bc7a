package main

// This file is what the rows work on: two models in memory, files on disk, and a
// Python process.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A lab owns what the rows use. Rows run one at a time.
type lab struct {
	options
	dir    string // ours, removed in the end
	source *model // is saved, and never changed
	target *model // is loaded into
	python *peer  // nil without one
	noPeer string // why there is none
	rust   *reference
	noRust string // why there is none

	plain  string // the file of source
	header []byte // of plain, up to its data
	summed string // the same with checksums
	torch  string // the same by torch.save, where that is asked for

	bigPath string
	bigFile *safetensors.File
	bigRaw  *os.File // the same
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
	if len(l.groups()) == 0 {
		return nil, fmt.Errorf("no group has %q in its name", o.only)
	}
	if err := l.makeFiles(ctx); err != nil {
		return nil, err
	}
	if err := l.startPython(ctx); err != nil {
		return nil, err
	}
	return l, l.startRust(ctx)
}

// makeFiles makes what is loaded and opened. The large ones are synced, so that
// their way to the disk does not fall into somebody's sample; the page cache keeps
// them.
func (l *lab) makeFiles(ctx context.Context) error {
	l.plain, l.summed = l.path("plain.safetensors"), l.path("summed.safetensors")
	if err := checkpoint.SaveModel(ctx, l.plain, l.source.state(), nil); err != nil {
		return err
	}
	err := checkpoint.SaveModel(ctx, l.summed, l.source.state(), &checkpoint.SaveOptions{Checksums: true})
	if err != nil {
		return err
	}
	if l.header, err = readHeader(l.plain); err != nil {
		return err
	}
	for _, g := range l.groups() {
		if g.files == nil {
			continue
		}
		if err := g.files(ctx); err != nil {
			return err
		}
	}
	return nil
}

// noPython is why there is no Python where none was named.
const noPython = "no Python: set $KIBISIS_PYTHON or -python"

func (l *lab) startPython(ctx context.Context) error {
	if l.pythonPath == "" {
		l.noPeer = noPython
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

// startRust starts the reference, unless its program is not there.
func (l *lab) startRust(ctx context.Context) (err error) {
	if l.noRust = noProgram(l.rustPath); l.noRust != "" {
		return nil
	}
	l.rust, err = startReference(ctx, l.rustPath, l.plain)
	return err
}

// noProgram is the reason why there is no Rust, "" if there is.
func noProgram(path string) string {
	if path == "" {
		return "no Rust: set $KIBISIS_RUST or -rust"
	}
	if _, err := exec.LookPath(path); err != nil {
		return "no Rust: " + err.Error()
	}
	return ""
}

// close ends Python and Rust, and removes the files.
func (l *lab) close() error {
	var err error
	if l.python != nil {
		err = l.python.close()
	}
	if l.rust != nil {
		err = errors.Join(err, l.rust.close())
	}
	if l.bigFile != nil {
		err = errors.Join(err, l.bigFile.Close())
	}
	if l.bigRaw != nil {
		err = errors.Join(err, l.bigRaw.Close())
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// A group is rows that are printed as one table.
type group struct {
	name  string
	files func(ctx context.Context) error // makes what only its rows need; nil if nothing
	rows  func() []*row
}

// groups is what is to be measured, in the order in which it is printed.
func (l *lab) groups() []group {
	all := []group{
		{saveGroup, nil, l.saveRows},
		{durableGroup, nil, l.durableRows},
		{loadGroup, nil, l.loadRows},
		{memoryGroup, nil, l.memoryRows},
		{castGroup, l.makeHalves, l.castRows},
		{openGroup, l.makeOpenFiles, l.openRows},
		{partGroup, l.makeBig, l.partRows},
		{coldGroup, l.makeBig, l.coldRows},
	}
	return slices.DeleteFunc(all, func(g group) bool { return !strings.Contains(g.name, l.only) })
}

// rows is the rows of all groups.
func (l *lab) rows() []*row {
	var all []*row
	for _, g := range l.groups() {
		all = append(all, g.rows()...)
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
