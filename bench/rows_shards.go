package main

// This file is the rows that save a model as a set of files.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fb777929/kibisis/checkpoint"
)

// sharding is a row of SaveShards, always to a new folder. The largest tensor has a shard
// of its own.
func (l *lab) sharding(group, name string, o checkpoint.SaveOptions) *row {
	dir := l.path("shards")
	options := &checkpoint.ShardOptions{SaveOptions: o, MaxSize: l.source.size() / 4}
	return &row{
		group: group, name: name, bytes: l.source.size(),
		ready: l.freeMemory,
		run: timed(func(ctx context.Context) error {
			return checkpoint.SaveShards(ctx, dir, l.source.state(), options)
		}),
		check: func(ctx context.Context) error {
			shards, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
			if err != nil {
				return err
			}
			if len(shards) < 4 {
				return fmt.Errorf("%d shards, want at least 4", len(shards))
			}
			return l.savedRight(dir)(ctx)
		},
		clean: func() error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return syncDir(l.dir)
		},
	}
}
