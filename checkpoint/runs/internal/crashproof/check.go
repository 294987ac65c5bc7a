package crashproof

// This file is what must hold on a disk that somebody finds, whatever happened before.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// A violation is a law that does not hold.
type violation struct {
	law, text string
}

func (v *violation) Error() string { return v.law + ": " + v.text }

func violated(law, format string, args ...any) error {
	return &violation{law, fmt.Sprintf(format, args...)}
}

// check looks at a disk of which l is what was promised, opens the run on it, goes on, and looks again.
func check(ctx context.Context, disk *faulty.Disk, l *ledger) error {
	if err := bounded(disk); err != nil {
		return err
	}
	seen, err := observe(ctx, disk, l)
	if err != nil {
		return fmt.Errorf("as found: %w", err)
	}
	// From here on, what was seen is what there must be: another answer is I3, I4 or I5.
	return resume(ctx, disk, disk.Process(), l.settle(seen))
}

// resume opens the run as a new process does, saves, and sees that all is in order then.
func resume(ctx context.Context, disk *faulty.Disk, fs *faulty.Process, l *ledger) error {
	p := newPlayer(ctx, disk, fs, l)
	switch err := p.open(); {
	case errors.Is(err, errNothingWhole):
		return nil
	case err != nil:
		return lawOf("I1", "open", err)
	}
	if err := tidy(disk); err != nil {
		return err
	}
	if err := p.save("next", nextStep(l), ""); err != nil {
		return lawOf("I6", "the next save", err)
	}
	if err := p.close(); err != nil {
		return lawOf("I6", "close", err)
	}
	l = p.ledger.Load()
	seen, err := observe(ctx, disk, l)
	if err != nil {
		return fmt.Errorf("after the next save: %w", err)
	}
	if seen.head != p.labels["next"] {
		return violated("I6", "record %d is the head after the next save, want %d", seen.head, p.labels["next"])
	}
	if n := disk.OpenHandles(); n != 0 {
		return violated("I9", "%d files are open", n)
	}
	return tidy(disk)
}

// lawOf makes an error a violation, unless it is one.
func lawOf(law, what string, err error) error {
	var v *violation
	if errors.As(err, &v) {
		return err
	}
	return violated(law, "%s: %v", what, err)
}

func nextStep(l *ledger) int64 {
	var step int64
	for i := range l.records {
		step = max(step, l.records[i].id.Step)
	}
	return step + 100
}

const (
	tempPrefix     = ".kibisis-tmp-g"
	trashPrefix    = ".kibisis-trash-"
	damagedPrefix  = "damaged-"
	evidencePrefix = "bad-"
	claimPrefix    = "writer-"
)

// rootNames are the names in the run's directory, none if it is not there.
func rootNames(disk *faulty.Disk) []string {
	if _, err := disk.Mode(rootPath); err != nil {
		return nil
	}
	return disk.Names(rootPath)
}

func count(names []string, prefixes ...string) (n int) {
	for _, name := range names {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				n++
			}
		}
	}
	return n
}

// bounded sees that one dead writer has not left much: one checkpoint in the making, and two on the way
// out, of which the older one is empty but for its name.
func bounded(disk *faulty.Disk) error {
	names := rootNames(disk)
	if n := count(names, tempPrefix); n > 1 {
		return violated("I8", "%d checkpoints in the making: %q", n, names)
	}
	if n := count(names, trashPrefix); n > 2 {
		return violated("I8", "%d checkpoints on the way out: %q", n, names)
	}
	return nil
}

// tidy sees that a writer has cleaned up.
func tidy(disk *faulty.Disk) error {
	names := rootNames(disk)
	if n := count(names, tempPrefix, trashPrefix); n > 0 {
		return violated("I8", "a writer has left %q", names)
	}
	if n := count(names, claimPrefix); n != 1 {
		return violated("I8", "%d claims: %q", n, names)
	}
	return nil
}

// A view is a run as it was found.
type view struct {
	records map[int]sighting
	head    int // the number of the record to go on from, -1 for none
}

// observe opens the run for reading, compares all of it with what was promised, and sees that
// looking has changed nothing.
func observe(ctx context.Context, disk *faulty.Disk, l *ledger) (view, error) {
	v := view{map[int]sighting{}, -1}
	if err := outside(disk, l); err != nil {
		return v, err
	}
	p := disk.Process()
	s, err := store.OpenReadOnly(rootPath, options(p))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = v.complete(disk, l)
	case err == nil:
		err = errors.Join(v.look(ctx, s, disk, l), s.Close())
	}
	if err != nil {
		return v, lawOf("I1", "reading", err)
	}
	for _, call := range p.Trace() {
		if !slices.Contains(harmless, opOf(call)) {
			return v, violated("I7", "a reader calls %q", call)
		}
	}
	return v, nil
}

// harmless are the calls of readers. They open without O_CREATE, or the disk would be seen to change.
var harmless = []string{
	"open", "openroot", "rootstat", "opendir", "lstat", "stat", "readdir", "readat", "readlink",
	"lockshared", "evict", "close",
}

// opOf is the name of a call in a trace.
func opOf(call string) string {
	op, _, _ := strings.Cut(call, " ")
	return op
}

// outside sees that what is not the run's is as it was.
func outside(disk *faulty.Disk, l *ledger) error {
	for name, want := range l.foreign {
		got, err := disk.ReadFile(name)
		if err != nil || !bytes.Equal(got, want) {
			return violated("I7", "%s is %q (%v), was %q", name, got, err, want)
		}
	}
	for dir, allowed := range surroundings {
		if _, err := disk.Mode(dir); err != nil {
			continue
		}
		for _, name := range disk.Names(dir) {
			if !slices.Contains(allowed, name) {
				return violated("I7", "%s has got %q", dir, name)
			}
		}
	}
	return nil
}
