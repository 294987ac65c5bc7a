package crashproof

// This file tells a story to a real disk.

import (
	"context"
	"errors"
	"os"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/oplog"
)

// openJail opens a directory as a file system of its own. within, if not nil, comes between it and the
// jail. The caller closes it.
func openJail(dir string, h *hook, within func(fsys.FS) fsys.FS) (jailedRoot, error) {
	root, err := fsys.OS.OpenRoot(dir)
	if err != nil {
		return jailedRoot{}, err
	}
	j := jail{root, h}
	if within != nil {
		j.FS = within(root)
	}
	return jailedRoot{j, root}, nil
}

// forReal are the stories that can be told to a real disk: all in which nothing is changed behind the
// store's back.
func forReal() []*script {
	var told []*script
	for i := range scripts {
		if !scripts[i].damages() {
			told = append(told, &scripts[i])
		}
	}
	return told
}

// damages reports whether a story has damage in it, by telling it.
func (s *script) damages() bool {
	disk, l := s.stage()
	p := newPlayer(context.Background(), disk, disk.Process(), l)
	if s.play(p) != nil {
		return true // it is not to be told at all
	}
	for i := range p.ledger.Load().records {
		if p.ledger.Load().records[i].damaged != "" {
			return true
		}
	}
	return false
}

// scriptNamed returns nil if there is none.
func scriptNamed(name string) *script {
	for i := range scripts {
		if scripts[i].name == name {
			return &scripts[i]
		}
	}
	return nil
}

// A rehearsal is a story as it was told once, with nothing going wrong.
type rehearsal struct {
	script  *script
	log     []oplog.Op
	marks   []mark
	ledgers map[int]*ledger // by position; as they were before some call, and at the end
	last    *ledger
	calls   int   // that change something
	written int64 // bytes
}

// A mark is a ledger, and the number of the first call in the log before which it was so.
type mark struct {
	from   int
	ledger *ledger
}

// rehearse tells a story to an empty directory, and writes down what is done there.
func rehearse(ctx context.Context, dir string, s *script, loseSyncs bool) (_ *rehearsal, err error) {
	disk, l := s.stage()
	if err := unload(disk, "/", dir); err != nil {
		return nil, err
	}
	var rec *oplog.Recorder
	r := &rehearsal{script: s, ledgers: map[int]*ledger{}, last: l}
	h := &hook{loseSyncs: loseSyncs}
	fsx, err := openJail(dir, h, func(inner fsys.FS) fsys.FS { rec = oplog.Record(inner); return rec })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fsx.Close()) }()
	p := newPlayer(ctx, disk, fsx, l)
	h.before = func(string) {
		r.calls++
		if now := p.ledger.Load(); now.position != r.last.position || r.calls == 1 {
			r.enter(len(rec.Log()), now)
		}
	}
	if err := s.play(p); err != nil {
		return nil, err
	}
	r.log = rec.Log()
	r.enter(len(r.log), p.ledger.Load())
	for _, op := range r.log {
		r.written += int64(len(op.Data))
	}
	return r, nil
}

func (r *rehearsal) enter(from int, l *ledger) {
	r.last = l
	r.ledgers[l.position] = l
	r.marks = append(r.marks, mark{from, l})
}

// at is the ledger before call i of the log.
func (r *rehearsal) at(i int) *ledger {
	l := r.marks[0].ledger
	for _, m := range r.marks {
		if m.from <= i {
			l = m.ledger
		}
	}
	return l
}

// reloaded is a story after each step of which the player's disk is a copy of the directory.
func (s *script) reloaded(dir string) *script {
	told := &script{name: s.name, inPlace: s.inPlace}
	for _, do := range s.steps {
		told.steps = append(told.steps, func(p *player) error {
			err := do(p)
			disk, loadErr := load(dir)
			if loadErr != nil {
				return loadErr
			}
			p.disk = disk
			return err
		})
	}
	return told
}

// emptied is a new directory below dir.
func emptied(dir string) (string, error) { return os.MkdirTemp(dir, "run-") }
