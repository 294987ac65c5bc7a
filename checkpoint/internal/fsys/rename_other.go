//go:build !windows

package fsys

import "os"

func rename(oldname, newname string) error { return os.Rename(oldname, newname) }
