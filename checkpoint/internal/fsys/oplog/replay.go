package oplog

// This file makes the calls of a log again.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// Replay makes the calls of a log on p, which must hold what they start from. before, unless
// it is nil, is called ahead of each with its number; an error of it ends the replay.
//
// A call that failed is left out, for what it did is not known, but for closes and the bytes
// that a write said it had written. A call that went well and fails now ends the replay with
// an error. What is open then, or at the end, stays open, as when a program dies.
func Replay(ops []Op, p fsys.FS, before func(i int) error) error {
	r := replay{p, map[int]fsys.File{}, map[int]fsys.Root{}}
	for i, op := range ops {
		if before != nil {
			if err := before(i); err != nil {
				return err
			}
		}
		if op.Err != nil && op.Call != "close" && len(op.Data) == 0 {
			continue
		}
		if err := r.call(op); err != nil {
			return fmt.Errorf("oplog: call %d of %d, %s: %w", i, len(ops), op, err)
		}
	}
	return nil
}

// replay is what the program has open by now, by the numbers in the log.
type replay struct {
	whole fsys.FS
	files map[int]fsys.File
	roots map[int]fsys.Root
}

var errUnknown = errors.New("no such call, or nothing open that it could be made on")

func (r *replay) call(op Op) error {
	if f := r.files[op.File]; f != nil {
		return onFile(f, op)
	}
	if root := r.roots[op.Root]; root != nil {
		return r.onFS(root, op)
	}
	if op.File != 0 || op.Root != 0 {
		return errUnknown
	}
	return r.onFS(r.whole, op)
}

func (r *replay) onFS(fsx fsys.FS, op Op) (err error) {
	switch op.Call {
	case "open":
		r.files[op.New], err = fsx.OpenFile(op.Name, op.Flag, op.Mode)
	case "opendir":
		r.files[op.New], err = fsx.OpenDir(op.Name)
	case "opendirect":
		r.files[op.New], _, err = fsx.OpenDirect(op.Name, os.O_WRONLY)
	case "openroot":
		r.roots[op.New], err = fsx.OpenRoot(op.Name)
	case "rename":
		err = fsx.Rename(op.Name, op.To)
	case "renamenew":
		err = fsx.RenameNew(op.Name, op.To)
	case "exchange":
		err = fsx.Exchange(op.Name, op.To)
	case "link":
		err = fsx.Link(op.Name, op.To)
	case "symlink":
		err = fsx.Symlink(op.To, op.Name)
	case "mkdir":
		err = fsx.Mkdir(op.Name, op.Mode)
	case "remove":
		err = fsx.Remove(op.Name)
	case "syncdir":
		err = fsx.SyncDir(op.Name)
	case "close":
		err = r.closeRoot(op)
	default:
		err = errUnknown
	}
	return err
}

func (r *replay) closeRoot(op Op) error {
	root := r.roots[op.Root]
	if root == nil {
		return errUnknown
	}
	return closed(root, op)
}

// closed closes a file or a root. That it fails is right if it did so in the log.
func closed(c io.Closer, op Op) error {
	err := c.Close()
	if failedThen := op.Err != nil; failedThen {
		err = nil
	}
	return err
}

func onFile(f fsys.File, op Op) (err error) {
	switch op.Call {
	case "write":
		_, err = f.Write(op.Data)
	case "writeat":
		_, err = f.WriteAt(op.Data, op.Off)
	case "writedirect":
		err = writeDirect(f, op)
	case "copyrange":
		err = f.CopyRange(op.Off, bytes.NewReader(op.Data), 0, int64(len(op.Data)))
	case "chmod":
		err = f.Chmod(op.Mode)
	case "sync":
		err = f.Sync()
	case "reserve":
		err = f.Reserve(op.Size)
	case "truncate":
		err = f.Truncate(op.Size)
	case "lock":
		err = locked(f.TryLock())
	case "lockshared":
		err = locked(f.TryLockShared())
	case "close":
		err = closed(f, op)
	default:
		err = errUnknown
	}
	return err
}

// writeDirect writes from memory that is in line, which a log's is not.
func writeDirect(f fsys.File, op Op) error {
	b, free, err := fsys.NewBuffer(len(op.Data))
	if err != nil {
		return err
	}
	copy(b, op.Data)
	_, err = f.WriteAt(b, op.Off)
	return errors.Join(err, free())
}

func locked(ok bool, err error) error {
	if err == nil && !ok {
		err = errHeld
	}
	return err
}
