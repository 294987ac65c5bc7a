package main

// This file is the rows that save, without waiting for the disk and with.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const (
	saveGroup    = "save, not synced"
	durableGroup = "save, synced"
)

// saveRows leave the bytes in the page cache, as Python does.
func (l *lab) saveRows() []*row {
	floor := l.raw(saveGroup, "write the bytes to a new file", false)
	ours := l.saving(saveGroup, "SaveModel, NoSync", &checkpoint.SaveOptions{NoSync: true})
	rows := []*row{
		floor,
		ours,
		l.saving(saveGroup, "SaveModel, NoSync, Checksums", &checkpoint.SaveOptions{NoSync: true, Checksums: true}),
		l.sharding(saveGroup, "SaveShards, MaxSize a quarter, NoSync", checkpoint.SaveOptions{NoSync: true}),
		l.rewriting(saveGroup, "Rewrite with other metadata, NoSync", &safetensors.WriteOptions{NoSync: true}),
		l.rustSave(saveGroup, "Rust serialize_to_file"),
		l.pythonSave(saveGroup, "Python save_model", "save_model"),
	}
	if l.withTorch {
		rows = append(rows, l.pythonSave(saveGroup, "Python torch.save", "torch_save"))
	}
	if l.gob {
		rows = append(rows, l.gobEncode(saveGroup))
	}
	return compared(floor, ours, rows)
}

// durableRows return when the bytes survive a power cut. The floor is the disk's: direct
// writes, where there are any.
func (l *lab) durableRows() []*row {
	buffered := l.raw(durableGroup, "write the bytes, sync file and folder", true)
	direct := l.rawDirect(durableGroup, "write the bytes past the page cache, sync file and folder")
	floor, ours := direct, l.saving(durableGroup, "SaveModel", nil)
	if direct.skip != "" {
		floor = buffered
	}
	return compared(floor, ours, []*row{
		direct,
		buffered,
		ours,
		l.saving(durableGroup, "SaveModel, Checksums", &checkpoint.SaveOptions{Checksums: true}),
		l.sharding(durableGroup, "SaveShards, MaxSize a quarter", checkpoint.SaveOptions{}),
		l.rewriting(durableGroup, "Rewrite with other metadata", nil),
		l.pythonSave(durableGroup, "Python save_model, then fsync of file and folder", "save_model_synced"),
	})
}

// saving is a row of SaveModel, always to a new name.
func (l *lab) saving(group, name string, o *checkpoint.SaveOptions) *row {
	path := l.path("ours.safetensors")
	return &row{
		group: group, name: name, bytes: l.source.size(),
		run: timed(func(ctx context.Context) error {
			return checkpoint.SaveModel(ctx, path, l.source.state(), o)
		}),
		ready: l.freeMemory,
		check: l.savedRight(path),
		clean: l.discard(path),
	}
}

func (l *lab) pythonSave(group, name, op string) *row {
	path := l.path("python")
	r := &row{group: group, name: name, bytes: l.source.size(), skip: l.noPeer, ready: l.freeMemory, clean: l.discard(path)}
	r.run = func(context.Context, int) (time.Duration, error) { return l.python.time(op, path, 1) }
	if op != "torch_save" { // its files are not ours to read
		r.check = l.savedRight(path)
	}
	return r
}

func (l *lab) rustSave(group, name string) *row {
	path := l.path("rust.safetensors")
	return &row{
		group: group, name: name, bytes: l.source.size(), skip: l.noRust,
		ready: l.freeMemory,
		run:   func(context.Context, int) (time.Duration, error) { return l.rust.save(path) },
		check: l.savedRight(path),
		clean: l.discard(path),
	}
}

// raw is a row that writes what the file of source has, without knowing of tensors.
func (l *lab) raw(group, name string, sync bool) *row {
	path := l.path("raw")
	return &row{
		group: group, name: name, bytes: l.source.size(),
		ready: l.freeMemory,
		run:   timed(func(context.Context) error { return l.writeRaw(path, sync) }),
		clean: l.discard(path),
	}
}

// freeMemory writes a file and removes it, so that the next one finds memory for
// the page cache at hand: where the host of a virtual machine has taken free memory
// back, giving it again can take longer than the save.
func (l *lab) freeMemory() error {
	path := l.path("before")
	if err := l.writeRaw(path, false); err != nil {
		return err
	}
	return l.discard(path)()
}

// writeRaw does what a save must at least: reserve, write in large pieces, close.
// It writes the header too, although that is nothing: with it the data lies where
// it does in a save. Pieces that begin at multiples of their size get larger pages
// of the page cache, and no file of this format has them.
func (l *lab) writeRaw(path string, sync bool) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := reserve(f, int64(len(l.header))+l.source.size()); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	if _, err := f.Write(l.header); err != nil {
		return err
	}
	const piece = 8 << 20
	for rest := l.source.bytes(); len(rest) > 0; {
		n, err := f.Write(rest[:min(piece, len(rest))])
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	if !sync {
		return nil
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return syncDir(l.dir)
}
