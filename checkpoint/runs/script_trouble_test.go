package runs

// This file is what can happen to the program at a step: -at STEP=TROUBLE. Most need a disk that
// does as it is told. That is the disk in memory, which is filled from the real one before the
// program starts and written back when it has ended.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// diskPath is where the run is on the disk in memory.
const diskPath = "/runs/test"

// troubles are names, by step.
type troubles map[int64][]string

func (t *troubles) String() string { return fmt.Sprint(map[int64][]string(*t)) }

func (t *troubles) Set(text string) error {
	at, name, _ := strings.Cut(text, "=")
	step, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return err
	}
	if *t == nil {
		*t = troubles{}
	}
	kind, _, _ := strings.Cut(name, ":")
	if onDiskTroubles[kind] == nil && anywhereTroubles[kind] == nil {
		return fmt.Errorf("no trouble is called %q", name)
	}
	(*t)[step] = append((*t)[step], name)
	return nil
}

// trouble has it happen. What follows a colon is its argument.
func (p *program) trouble(ctx context.Context, name string) error {
	kind, arg, _ := strings.Cut(name, ":")
	if t := onDiskTroubles[kind]; t != nil {
		if p.disk == nil {
			return fmt.Errorf("%s needs the disk in memory", kind)
		}
		t(p, arg)
		return nil
	}
	return anywhereTroubles[kind](ctx, p, arg)
}

// onDiskTroubles need the disk in memory.
var onDiskTroubles = map[string]func(p *program, arg string){
	// the disk has no more room, but so many bytes; it has room again
	"full": func(p *program, arg string) { p.disk.limit(number(arg)) },
	"room": func(p *program, _ string) { p.disk.SetCapacity(-1) },
	// the next call of that name fails, or one so many later; all do from now on, with that error
	"fail":   func(p *program, arg string) { p.disk.fault(arg, faulty.Fail, nil) },
	"broken": func(p *program, arg string) { p.disk.fault(arg, faulty.FailOn, nil) },
	"denied": func(p *program, arg string) { p.disk.fault(arg, faulty.FailOn, syscall.EACCES) },
	// nothing can be changed any more
	"readonly": func(p *program, _ string) { p.disk.SetReadOnly(true) },
	// the process is killed before its call of that number from here
	"kill": func(p *program, n string) { p.disk.killAt(n) },
	// the same, and then the power fails
	"power": func(p *program, n string) { p.disk.killAt(n); p.disk.cut = true },
	// what is written waits until release, and training goes on
	"hold":    func(p *program, _ string) { p.held = true; p.disk.hold() },
	"release": func(p *program, _ string) { p.release(); p.run.land() },
	// a directory that is no checkpoint has the name of one
	"taken": func(p *program, name string) {
		p.disk.Mkdir(path.Join(diskPath, name))
		p.disk.WriteFile(path.Join(diskPath, name, "mine.txt"), nil)
	},
	// how many files are open
	"handles": func(p *program, _ string) { p.say("%d files are open", p.disk.OpenHandles()) },
}

// anywhereTroubles work on any disk.
var anywhereTroubles = map[string]func(ctx context.Context, p *program, arg string) error{
	// the checkpoints that there are
	"runs": func(_ context.Context, p *program, _ string) error {
		list, err := p.run.Checkpoints()
		fmt.Fprint(p.out, tableOf(list))
		return err
	},
	// a number that JSON cannot spell
	"nan": func(_ context.Context, p *program, _ string) error { p.counts.Best = math.NaN(); return nil },
	"one": func(_ context.Context, p *program, _ string) error { p.counts.Best = 1; return nil },
	// somebody else starts the program on the same run, or only looks at it
	"second": func(ctx context.Context, p *program, _ string) error { p.other(ctx); return nil },
	"reader": func(ctx context.Context, p *program, _ string) error { p.other(ctx, "-readonly"); return nil },
}

// other starts the program in another process, and says what it says.
func (p *program) other(ctx context.Context, flags ...string) {
	out, err := startProgram(ctx, append([]string{p.path, "-until", "0"}, flags...))
	for line := range strings.Lines(out) {
		p.say("other: %s", strings.TrimSpace(line))
	}
	if err != nil {
		p.say("other: failed")
	}
}

// release lets writes go on.
func (p *program) release() {
	if p.held {
		p.held = false
		p.disk.release()
	}
}

// number is a trouble's argument, 0 where it has none.
func number(text string) int64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// A memoryDisk is a disk in memory with a run on it.
type memoryDisk struct {
	*faulty.Disk
	proc *faulty.Process
	cut  bool          // the power fails in the end
	gate chan struct{} // closed when writes may go on
}

func (d *memoryDisk) killAt(n string) {
	d.proc.Inject(faulty.Fault{Call: d.proc.Calls() + int(number(n)), Kind: faulty.Kill})
}

// hold stops writes. A disk is held once, and released once.
func (d *memoryDisk) hold() {
	d.gate = make(chan struct{})
	gate := d.gate
	d.proc.Before(func(op, _ string) {
		if op == "write" || op == "writeat" {
			<-gate
		}
	})
}

func (d *memoryDisk) release() { close(d.gate) }

// fault takes the name of a call, and how many of them are to succeed first.
func (d *memoryDisk) fault(arg string, kind faulty.Kind, err error) {
	op, later, _ := strings.Cut(arg, ":")
	d.proc.Inject(faulty.Fault{Op: op, Call: len(tracesOf(d.proc, op+" ")) + int(number(later)), Kind: kind, Err: err})
}

// limit leaves that much room.
func (d *memoryDisk) limit(room int64) {
	const huge = 1 << 40
	d.SetCapacity(huge)
	free, err := d.Process().Free("/")
	if err != nil {
		panic(err)
	}
	d.SetCapacity(huge - free + room)
}

// loadDisk has on the disk what is at a path.
func loadDisk(from string) (*memoryDisk, error) {
	d := &memoryDisk{Disk: faulty.NewDisk()}
	d.Mkdir(path.Dir(diskPath))
	err := filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		to := diskPath + filepath.ToSlash(strings.TrimPrefix(name, from))
		if e.IsDir() {
			d.Mkdir(to)
			return nil
		}
		b, err := os.ReadFile(name)
		d.WriteFile(to, b)
		return err
	})
	d.proc = d.Process()
	return d, err
}

// store has at a path what is on the disk.
func (d *memoryDisk) store(to string) error {
	if d.cut {
		d.Disk = d.Crash(rand.New(rand.NewPCG(1, 2)))
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return d.walk(diskPath, func(name string, dir bool) error {
		real := filepath.Join(to, filepath.FromSlash(strings.TrimPrefix(name, diskPath)))
		if dir {
			return os.MkdirAll(real, 0o777)
		}
		b, err := d.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(real, b, 0o666)
	})
}

// walk goes through all directories and files below name.
func (d *memoryDisk) walk(name string, fn func(name string, dir bool) error) error {
	mode, err := d.Mode(name)
	if err == nil {
		err = fn(name, mode.IsDir())
	}
	if err != nil || !mode.IsDir() {
		return err
	}
	for _, below := range d.Names(name) {
		if err := d.walk(path.Join(name, below), fn); err != nil {
			return err
		}
	}
	return nil
}
