package store

// This file is what tests of the store watch calls for.

import (
	"errors"
	"sync/atomic"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
)

// callAt has fn called before call number n, counting from 0.
func callAt(n int64, fn func()) watched.Before {
	var calls atomic.Int64
	return func(string, string) error {
		if calls.Add(1)-1 == n {
			fn()
		}
		return nil
	}
}

// noLocks is what a file system without locks says.
func noLocks(op, _ string) error {
	if op == "lock" {
		return errors.ErrUnsupported
	}
	return nil
}

// inTurn asks each.
func inTurn(all ...watched.Before) watched.Before {
	return func(op, name string) error {
		for _, b := range all {
			if err := b(op, name); err != nil {
				return err
			}
		}
		return nil
	}
}

// noSync makes nothing durable, which takes long and is nothing to a process that is killed.
func noSync(op, _ string) error {
	if op == "sync" || op == "syncdir" {
		return watched.ErrSkip
	}
	return nil
}
