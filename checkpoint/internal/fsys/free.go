package fsys

import (
	"io/fs"
	"math"
	"os"
)

// freeAt opens name and asks for the room of the file system that it is on.
func freeAt(open opener, name string) (int64, error) {
	f, err := open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close() // nothing was written through it
	return freeOn(f)
}

func freeOn(f *os.File) (int64, error) {
	n, err := free(f)
	if err != nil {
		return 0, &fs.PathError{Op: "free", Path: f.Name(), Err: err}
	}
	return int64(min(n, math.MaxInt64)), nil
}
