package crashproof

// This file has real disks run full: pretended, after some number of bytes, and small ones for real.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// fillPretended has every write fail from a random byte on.
func fillPretended(ctx context.Context, p *Place, until time.Time, o *Outcome) error {
	all, err := p.rehearsed(ctx)
	if err != nil {
		return err
	}
	return repeat(ctx, p.Dir, atOnce, until, o, func(n int, dir string) error {
		r, rng := all[n%len(all)], p.rng(3+uint64(n)<<32) //nolint:gosec // n is no less than 0
		left := &room{left: rng.Int64N(r.written + 1), reserves: rng.IntN(2) == 0}
		what := fmt.Sprintf("%q on a disk that is full after %d bytes (reserved: %t)", r.script.name, left.left, left.reserves)
		if err := tellFull(ctx, r.script, dir, &hook{room: left}); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	})
}

// tellFull tells a story in which saves may fail, and looks at what is left.
func tellFull(ctx context.Context, s *script, dir string, h *hook) error {
	disk, _ := s.stage()
	if err := unload(disk, "/", dir); err != nil {
		return err
	}
	l, err := tell(ctx, s, dir, h)
	if err != nil {
		return err
	}
	return checkReal(ctx, dir, l)
}

func tell(ctx context.Context, s *script, dir string, h *hook) (_ *ledger, err error) {
	disk, l := s.stage()
	fsx, err := openJail(dir, h, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fsx.Close()) }()
	p := newPlayer(ctx, disk, fsx, l)
	err = s.reloaded(dir).stumble(p, func() bool { return true })
	_ = p.close() // the disk is full
	return p.ledger.Load(), err
}

// maxSmall is the room of the largest mount that is filled, in bytes: what is on it besides must not suffer long.
const maxSmall = 1 << 30

// fillSmall fills a small file system but for a random number of bytes.
func fillSmall(ctx context.Context, p *Place, until time.Time, o *Outcome) error {
	free, err := fsys.OS.Free(p.Small)
	if err != nil {
		return err
	}
	if free > maxSmall {
		return fmt.Errorf("%s has %d MiB free, and only file systems with at most %d MiB are filled", p.Small, free>>20, maxSmall>>20)
	}
	all, err := p.rehearsed(ctx)
	if err != nil {
		return err
	}
	rng := p.rng(4)
	return repeat(ctx, p.Small, 1, until, o, func(n int, dir string) error {
		return p.fillOnce(ctx, all[n%len(all)], dir, rng)
	})
}

func (p *Place) fillOnce(ctx context.Context, r *rehearsal, dir string, rng *rand.Rand) error {
	disk, _ := r.script.stage()
	if err := unload(disk, "/", dir); err != nil {
		return err
	}
	filler := filepath.Join(p.Small, "filler")
	left, err := fill(filler, rng.Int64N(2*r.written+1))
	if err != nil {
		return errors.Join(err, os.Remove(filler))
	}
	l, err := tell(ctx, r.script, dir, &hook{})
	if err := errors.Join(err, os.Remove(filler)); err != nil {
		return fmt.Errorf("%q with %d bytes left: %w", r.script.name, left, err)
	}
	return checkReal(ctx, dir, l)
}

// fill writes a file until no more than about left bytes are free, and returns how many are.
func fill(name string, left int64) (int64, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	free, err := fsys.OS.Free(name)
	block := make([]byte, 64<<10)
	for err == nil && free > left {
		if _, err = f.Write(block[:min(int64(len(block)), free-left)]); err == nil {
			free, err = fsys.OS.Free(name)
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return free, errors.Join(err, f.Close())
}
