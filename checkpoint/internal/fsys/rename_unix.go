//go:build !windows

package fsys

import "os"

func rename(oldname, newname string) error { return os.Rename(oldname, newname) }

func renameIn(r *os.Root, oldname, newname string) error { return r.Rename(oldname, newname) }
