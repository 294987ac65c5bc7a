package crashproof

// This file copies disks: a small directory of a real one to one in memory, so that all laws can
// be held against it, and the stage of a story to a real one.

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// load is a copy of a directory, which is its root.
func load(dir string) (*faulty.Disk, error) {
	disk := faulty.NewDisk()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		return copyEntry(disk, name, "/"+filepath.ToSlash(rel), e)
	})
	return disk, err
}

func copyEntry(disk *faulty.Disk, name, to string, e fs.DirEntry) error {
	if e.IsDir() {
		disk.Mkdir(to)
		return nil
	}
	b, err := os.ReadFile(name)
	if err == nil {
		disk.WriteFile(to, b)
	}
	return err
}

// unload copies what is in a directory of disk to an empty one of the system.
func unload(disk *faulty.Disk, from, dir string) error {
	for _, name := range disk.Names(from) {
		inner, to := path.Join(from, name), filepath.Join(dir, name)
		mode, err := disk.Mode(inner)
		switch {
		case err != nil:
		case mode.IsDir():
			if err = os.Mkdir(to, 0o777); err == nil {
				err = unload(disk, inner, to)
			}
		default:
			err = copyFile(disk, inner, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(disk *faulty.Disk, name, to string) error {
	b, err := disk.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o666)
}

// checkReal is check on a real disk: it looks at what is in dir, opens the run there, goes on, and looks
// again.
func checkReal(ctx context.Context, dir string, l *ledger) error {
	found, err := load(dir)
	if err != nil {
		return err
	}
	if err := bounded(found); err != nil {
		return err
	}
	seen, err := observe(ctx, found, l)
	if err != nil {
		return err
	}
	if l, err = resumeReal(ctx, dir, found, l.settle(seen)); err != nil {
		return err
	}
	after, err := load(dir)
	if err == nil {
		err = tidy(after)
	}
	if err == nil {
		_, err = observe(ctx, after, l)
	}
	return err
}

// resumeReal opens the run as a new process does, and saves.
func resumeReal(ctx context.Context, dir string, found *faulty.Disk, l *ledger) (*ledger, error) {
	fsx, err := openJail(dir, &hook{}, nil)
	if err != nil {
		return nil, err
	}
	defer fsx.Close() // nothing was written through it
	p := newPlayer(ctx, found, fsx, l)
	if err := p.open(); err != nil {
		return nil, lawOf("I1", "open", err)
	}
	if err := p.save("next", nextStep(l), ""); err != nil {
		return nil, lawOf("I6", "the next save", first(err, p.close()))
	}
	if err := p.close(); err != nil {
		return nil, lawOf("I6", "close", err)
	}
	return p.ledger.Load(), nil
}
