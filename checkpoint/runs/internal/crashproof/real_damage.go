package crashproof

// This file flips bits of a checkpoint on a real disk.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// flipBits flips one bit at a time in the newer one of two checkpoints. Each must be called by the name
// of its file, and the older checkpoint be what is gone on from.
func flipBits(ctx context.Context, p *Place, until time.Time, o *Outcome) error {
	dir, err := emptied(p.Dir)
	if err != nil {
		return err
	}
	path, ids, err := saveTwo(ctx, dir)
	if err != nil {
		return err
	}
	files := []string{store.ManifestName, weightsFile, optimizerFile, stateFile}
	rng := p.rng(6)
	for o.Tried == 0 || time.Now().Before(until) {
		file := files[o.Tried%len(files)]
		if err := flip(ctx, path, ids, file, rng); err != nil {
			return fmt.Errorf("in %s: %w", path, err)
		}
		o.Tried++
	}
	o.note("in each of %d files, those that are written once", len(files))
	return removeAll(dir)
}

// saveTwo saves two checkpoints as the stories do.
func saveTwo(ctx context.Context, dir string) (path string, ids [2]store.ID, err error) {
	s := script{name: "two", steps: []step{open, save("a", 100), save("b", 200), closed}}
	disk, l := s.stage()
	if err := unload(disk, "/", dir); err != nil {
		return "", ids, err
	}
	fsx, err := openJail(dir, &hook{}, nil)
	if err != nil {
		return "", ids, err
	}
	p := newPlayer(ctx, disk, fsx, l)
	if err := errors.Join(s.play(p), fsx.Close()); err != nil {
		return "", ids, err
	}
	for i, label := range []string{"a", "b"} {
		ids[i] = p.ledger.Load().records[p.labels[label]].id
	}
	return filepath.Join(dir, filepath.FromSlash(rootPath)), ids, nil
}

// flip flips a bit, looks, and flips it back.
func flip(ctx context.Context, path string, ids [2]store.ID, file string, rng *rand.Rand) error {
	name := filepath.Join(path, ids[1].String(), file)
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	bit := rng.IntN(8 * len(b))
	back, err := flipOnDisk(name, b, bit)
	if err != nil {
		return err
	}
	seen := seesDamage(ctx, path, ids, file)
	if seen != nil {
		seen = fmt.Errorf("bit %d of %s flipped: %w", bit, file, seen)
	}
	return errors.Join(seen, back())
}

// flipOnDisk flips one bit of the file name, which holds b. back undoes it.
func flipOnDisk(name string, b []byte, bit int) (back func() error, err error) {
	write := func(b byte) error {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte{b}, int64(bit/8))
		return errors.Join(err, f.Close())
	}
	old := b[bit/8]
	return func() error { return write(old) }, write(old ^ 1<<(bit%8))
}

// seesDamage opens the run as a restore does.
func seesDamage(ctx context.Context, path string, ids [2]store.ID, file string) error {
	s, err := store.OpenReadOnly(path, nil)
	if err != nil {
		return lawOf("I1", "reading", err)
	}
	defer s.Close() // nothing was written through it
	entries, err := s.List()
	if err != nil {
		return lawOf("I1", "reading", err)
	}
	if len(entries) != 2 {
		return violated("I4", "there are %d checkpoints, want 2", len(entries))
	}
	_, err = whole(ctx, s, entries[1])
	var damage *store.DamageError
	if !errors.As(err, &damage) || damage.ID != ids[1] || damage.File != file {
		return violated("damage", "is told as: %v", err)
	}
	c, _, err := newest(ctx, s, entries)
	if err != nil {
		return lawOf("I3", "falling back", err)
	}
	if c == nil || c.ID != ids[0] {
		return violated("I3", "there is nothing to go on from, want %s", ids[0])
	}
	return c.Close()
}
