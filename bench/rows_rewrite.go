package main

// This file is the rows that change a file.

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// rewriting is a row that gives a file of source other metadata. That file is a second
// name of plain, which itself stays: what is rewritten is a new file.
func (l *lab) rewriting(group, name string, o *safetensors.WriteOptions) *row {
	path := l.path("rewritten.safetensors")
	edit := &safetensors.Edit{Metadata: func(m map[string]string) { m["step"] = "1" }}
	return &row{
		group: group, name: name, bytes: l.source.size(),
		ready: func() error { return errors.Join(l.freeMemory(), os.Link(l.plain, path)) },
		run:   timed(func(ctx context.Context) error { return safetensors.Rewrite(ctx, path, edit, o) }),
		check: func(ctx context.Context) error {
			return errors.Join(hasMetadata(path, "step", "1"), l.savedRight(path)(ctx))
		},
		clean: l.discard(path),
	}
}

func hasMetadata(path, key, want string) (err error) {
	f, err := safetensors.Open(path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if got := f.Metadata()[key]; got != want {
		return fmt.Errorf("%s has %q for %q, want %q", path, got, key, want)
	}
	return nil
}
