package faulty

// This file is the Process: one program's view of a Disk, where calls are counted
// and where they go wrong. process_calls.go has the calls themselves.

import (
	"fmt"
	"io/fs"
	"slices"
)

// Process is an fsys.FS. Make one with Disk.Process.
type Process struct {
	view   // the whole disk
	disk   *Disk
	faults []Fault
	dead   bool
	calls  map[string]int // by name
	trace  []string       // every call, in order
	before func(op, name string)
}

// Process starts a program that works on the disk. It has no faults yet.
func (d *Disk) Process() *Process {
	p := &Process{disk: d, calls: map[string]int{}}
	p.view = view{proc: p, walk: walk{top: d.root, maxLinks: maxLinks}}
	return p
}

// Inject adds a fault. If several hit one call, the first one counts.
func (p *Process) Inject(f Fault) {
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	p.faults = append(p.faults, f)
}

// Before has fn run before each call, which is not made until fn returns: the place
// to let another Process act at a chosen moment. fn may use the
// disk. Set it before the Process is used.
func (p *Process) Before(fn func(op, name string)) { p.before = fn }

// Calls returns how many calls were made, failed ones included.
func (p *Process) Calls() int { return len(p.Trace()) }

// Trace returns the calls made, in order, each as its name and the file's:
// "rename /a.tmp". The element with index n is call number n.
func (p *Process) Trace() []string {
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	return slices.Clone(p.trace)
}

// Kill ends the process as SIGKILL does: its handles are closed and its locks
// released, what it wrote stays for others to read, and every later call of it
// returns ErrKilled.
func (p *Process) Kill() {
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	p.kill()
}

func (p *Process) kill() {
	p.dead = true
	for h := range p.disk.open {
		if h.proc == p {
			h.release()
		}
	}
}

// call makes one call: it counts it, lets a fault have its way, and otherwise runs
// effect with the disk locked. failing is what the call does although it fails, or does
// wrong although it does not; nil is nothing.
func (p *Process) call(op, name string, effect func() error, failing func(*Fault)) error {
	if p.before != nil {
		p.before(op, name)
	}
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	fault := p.count(op, name)
	if p.dead {
		return wrap(op, name, ErrKilled)
	}
	err := fault.strike(op, p.disk.able(op, effect), failing)
	return wrap(op, name, err)
}

// count enters one call in the books and returns the fault that hits it, if any.
func (p *Process) count(op, name string) *Fault {
	all, own := len(p.trace), p.calls[op]
	p.trace = append(p.trace, fmt.Sprintf("%s %s", op, name))
	p.calls[op]++
	for i := range p.faults {
		f := &p.faults[i]
		if !f.hits(op, all, own) {
			continue
		}
		if f.Kind == Kill {
			p.kill()
		}
		return f
	}
	return nil
}

func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
