package oplog

// This file is one call in the log.

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Op is one call that was made. Which fields are set depends on the call.
type Op struct {
	// Call is the name of the call, as traces of package faulty have it: "rename".
	Call string
	// Root is the number of the Root that the call went through, 0 for the file system
	// itself. An "openroot" that went well gave the number New.
	Root int
	// File is the number of the open file that the call was made on. An "open" of any kind
	// that went well gave the number New.
	File, New int
	// Name is the name given to the call, or to the one that opened the file. To is the
	// second name, or what a symbolic link points to.
	Name, To string

	Flag int         // of open: os.O_*
	Mode fs.FileMode // of open, mkdir and chmod
	Off  int64       // of writeat, writedirect and copyrange, in bytes
	Size int64       // of truncate and reserve, in bytes
	Data []byte      // what was written, as far as the call says that it was

	// Err is what the call returned; of a lock that another has, an error that says so.
	Err error

	base string // the name of the Root
}

// Path returns Name, below the name of the Root.
func (op Op) Path() string { return below(op.base, op.Name) }

// String returns the call and its names, how much it wrote, and what went wrong:
// "rename a b", "writeat f 512 at 4096", "mkdir d: file exists".
func (op Op) String() string {
	words := []string{op.Call, op.Path()}
	switch op.Call {
	case "rename", "renamenew", "exchange", "link":
		words = append(words, below(op.base, op.To))
	case "symlink":
		words = append(words, op.To)
	case "write":
		words = append(words, fmt.Sprint(len(op.Data)))
	case "writeat", "writedirect", "copyrange":
		words = append(words, fmt.Sprintf("%d at %d", len(op.Data), op.Off))
	case "truncate", "reserve":
		words = append(words, fmt.Sprint(op.Size))
	case "chmod":
		words = append(words, op.Mode.String())
	}
	text := strings.Join(words, " ")
	if op.Err != nil {
		text += ": " + op.Err.Error()
	}
	return text
}

func below(base, name string) string {
	if base == "" || path.IsAbs(name) {
		return name
	}
	return path.Join(base, name)
}
