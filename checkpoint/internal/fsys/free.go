package fsys

import (
	"io/fs"
	"math"
)

// freeAt opens name and asks for the room of the file system that it is on.
func freeAt(open opener, name string) (int64, error) {
	f, err := open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close() // nothing was written through it
	n, err := free(f)
	if err != nil {
		return 0, &fs.PathError{Op: "free", Path: name, Err: err}
	}
	return int64(min(n, math.MaxInt64)), nil
}
