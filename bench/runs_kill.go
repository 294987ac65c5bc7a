package main

// This file kills programs that save, again and again, and looks what they can resume from: this library's
// and GoMLX's.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

const (
	kills    = 30
	killSize = 16 << 20 // bytes of the state
	killKeep = 3        // checkpoints that are kept
	// acknowledged is how many saves must have returned before a kill.
	acknowledged = 2
)

// A victim is a program that saves, and says what it has saved.
type victim struct {
	name string
	skip string
	args func(what, dir string) []string // the program first
}

// A fate is what became of a victim.
type fate struct {
	victim
	saves           []time.Duration
	bytes           int64 // of the folder after the last save, with all that it keeps
	whole, old, bad int   // kills after which the newest acknowledged state is resumed, an older one, none
	example         string
}

func (l *lab) killChapter(ctx context.Context) ([]*sheet, error) {
	victims, err := l.victims()
	if err != nil {
		return nil, err
	}
	sh := &sheet{
		title:  fmt.Sprintf("%d processes killed with -9 at random moments while they save %s and keep %d", kills, humanize.IBytes(killSize), killKeep),
		header: []string{"saves by", "save", "spread", "on disk", "resumed what was acknowledged", "an older state", "cannot be resumed"},
	}
	for _, v := range victims {
		if v.skip != "" {
			sh.add(v.name, "not run", "", "", "", "", "")
			sh.note("Not run: %s.", v.skip)
			continue
		}
		f := &fate{victim: v}
		for i := range kills {
			if err := f.kill(ctx, l.path("victim"), i); err != nil {
				return nil, fmt.Errorf("%s: %w", v.name, err)
			}
		}
		sh.add(v.name, ms(median(f.saves)), spread(f.saves), humanize.IBytes(uint64(f.bytes)), count0(f.whole), count0(f.old), count0(f.bad))
		if f.example != "" {
			sh.note("%s: %s", v.name, f.example)
		}
	}
	return []*sheet{sh}, nil
}

func (l *lab) victims() ([]victim, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t, err := newTraining(killSize, layers)
	if err != nil {
		return nil, err
	}
	shapes := l.path("shapes")
	if err := os.WriteFile(shapes, []byte(t.shapes()), 0o666); err != nil {
		return nil, err
	}
	all := []victim{{name: "package runs, each save durable", args: func(what, dir string) []string {
		return []string{self, childWord, what, dir, strconv.Itoa(killSize)}
	}}}
	for _, format := range []string{"uncompressed", "gzip"} {
		v := victim{name: "GoMLX, " + format, args: func(what, dir string) []string {
			return []string{l.gomlxPath, what, dir, shapes, format}
		}}
		if l.gomlxPath == "" {
			v.skip = "no GoMLX: set $KIBISIS_GOMLX or -gomlx"
		} else if _, err := exec.LookPath(l.gomlxPath); err != nil {
			v.skip = "no GoMLX: " + err.Error()
		}
		all = append(all, v)
	}
	return all, nil
}

// kill starts the program in a new folder, kills it, and has another process resume.
func (f *fate) kill(ctx context.Context, dir string, number int) (err error) {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	last, err := f.saveUntilKilled(ctx, dir, number)
	if err != nil {
		return err
	}
	args := f.args("resume", dir)
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	var step int64
	if _, scanErr := fmt.Sscanf(string(out), "resumed %d", &step); err != nil || scanErr != nil {
		f.bad++
		f.example = clip(string(out))
		return context.Cause(ctx)
	}
	if step < last {
		f.old++
	} else {
		f.whole++
	}
	return nil
}

// saveUntilKilled returns the newest step whose save has returned.
func (f *fate) saveUntilKilled(ctx context.Context, dir string, number int) (last int64, err error) {
	args := f.args("loop", dir)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	random := rand.New(rand.NewPCG(uint64(number), 1)) // the same delays for every program
	lines := bufio.NewScanner(stdout)
	for n := 0; lines.Scan(); {
		var took int64
		if _, err := fmt.Sscanf(lines.Text(), "saved %d %d", &last, &took); err != nil {
			continue // "resumed"
		}
		if n++; n > 1 { // the first save makes the memory for the copy
			f.saves = append(f.saves, time.Duration(took))
		}
		if n == acknowledged {
			if f.bytes, err = sizeOf(dir); err != nil {
				break
			}
			time.AfterFunc(time.Duration(random.Int64N(2*took)), func() { _ = cmd.Process.Kill() }) // it may have ended
		}
	}
	if last == 0 {
		return 0, errors.Join(err, cmd.Wait(), errors.New("it has ended without a save"))
	}
	_ = cmd.Wait() // was killed
	return last, errors.Join(err, lines.Err())
}

// sizeOf is how many bytes the files of a folder have. Files may disappear meanwhile.
func sizeOf(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}

// clip is the end of a message.
func clip(text string) string {
	const most = 200
	return fmt.Sprintf("%q", text[max(0, len(text)-most):])
}
