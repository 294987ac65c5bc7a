package pebbleproof

// This file is a disk: Pebble's file system, and what a test does to it behind the back of processes.

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// A disk is what outlives processes.
type disk struct {
	mem *vfs.MemFS

	mu     sync.Mutex
	inodes map[string]*inode // by path, those that somebody has asked for
	moved  []move            // directories that were moved since a sync
	open   int               // files
}

// A move is the two names of a directory. It is over when both of their directories are synced.
type move struct{ from, to string }

// newDisk is a disk with what stage has, durably.
func newDisk(stage *faulty.Disk) *disk {
	d := &disk{mem: vfs.NewCrashableMem(), inodes: map[string]*inode{}}
	d.fill(stage, "/")
	return d
}

func (d *disk) fill(from *faulty.Disk, dir string) {
	for _, base := range from.Names(dir) {
		name := path.Join(dir, base)
		mode, err := from.Mode(name)
		must(err)
		if mode.IsDir() {
			must(d.mem.MkdirAll(name, 0o755))
			d.fill(from, name)
			continue
		}
		b, err := from.ReadFile(name)
		must(err)
		d.put(name, b)
	}
	must(syncNow(d.mem.OpenDir(dir)))
}

// put makes a file, or another one of that name, and syncs it.
func (d *disk) put(name string, b []byte) {
	f, err := d.mem.Create(name, vfs.WriteCategoryUnspecified)
	must(err)
	_, err = f.Write(b)
	must(err)
	must(syncNow(f, nil))
}

// rot changes what a file holds, durably. Another name of it keeps what it was.
func (d *disk) rot(name string, b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(name, b)
	must(syncNow(d.mem.OpenDir(path.Dir(name))))
	delete(d.inodes, name)
}

// load is a copy of what processes see, as a disk that the oracle can look at.
func (d *disk) load() *faulty.Disk {
	copied := faulty.NewDisk()
	d.copyTo(copied, "/")
	return copied
}

func (d *disk) copyTo(to *faulty.Disk, dir string) {
	names, err := d.mem.List(dir)
	must(err)
	for _, base := range names {
		name := path.Join(dir, base)
		f, err := d.mem.Open(name)
		must(err)
		info, err := f.Stat()
		must(err)
		if info.IsDir() {
			to.Mkdir(name)
			d.copyTo(to, name)
		} else {
			b, err := io.ReadAll(f)
			must(err)
			to.WriteFile(name, b)
		}
		must(f.Close())
	}
}

// crash is the disk as the next boot finds it, with so many percent of what was not synced. Of a directory
// with two names one is taken out, by the toss of a coin; twice reports whether there was any.
func (d *disk) crash(percent int, rng *rand.Rand) (after *disk, twice bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	after = &disk{
		mem:    d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}),
		inodes: map[string]*inode{},
	}
	for _, m := range d.moved {
		if !after.has(m.from) || !after.has(m.to) {
			continue
		}
		twice = true
		gone := []string{m.from, m.to}[rng.IntN(2)]
		must(after.mem.RemoveAll(gone))
		must(syncNow(after.mem.OpenDir(path.Dir(gone))))
	}
	return after, twice
}

func (d *disk) has(name string) bool {
	_, err := d.mem.Stat(name)
	return err == nil
}

// settle forgets the moves that a sync of dir has made durable: those within it, and there are no others.
func (d *disk) settle(dir string) {
	var left []move
	for _, m := range d.moved {
		if path.Dir(m.from) != dir {
			left = append(left, m)
		}
	}
	d.moved = left
}

// rename has the inodes follow their names.
func (d *disk) rename(from, to string) {
	for name, n := range d.inodes {
		if rest, below := strings.CutPrefix(name, from); below && (rest == "" || rest[0] == '/') {
			delete(d.inodes, name)
			d.inodes[to+rest] = n
		}
	}
}

// syncNow syncs and closes what was opened.
func syncNow(f vfs.File, err error) error {
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close() // the sync is what went wrong
		return err
	}
	return f.Close()
}

// must is for what goes wrong only by a mistake in a test.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("pebbleproof: %v", err))
	}
}
