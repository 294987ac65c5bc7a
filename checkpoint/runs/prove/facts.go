package prove

// This file finds out what the file system can do.

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// A Fact is something that the file system can do or cannot.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const (
	yes = "yes"
	no  = "no"
)

// answer says what came of a call that a file system may not have.
func answer(err error) (string, error) {
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return no, nil
	case err != nil:
		return "", err
	}
	return yes, nil
}

// facts tries the calls that file systems have or have not, in a folder of their own in dir.
func facts(dir string) (list []Fact, err error) {
	dir, err = os.MkdirTemp(dir, "facts-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	root, err := fsys.OS.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() // nothing was written through it
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, factSize), 0o600); err != nil {
			return nil, err
		}
	}
	list = append(list, Fact{"kind", kindOf(dir)})
	for _, probe := range []struct {
		name string
		try  func(fsys.Root) (string, error)
	}{
		{"locks", locks},
		{"direct writes", directWrites},
		{"rename that replaces nothing", renameNew},
		{"exchange of two names", exchange},
		{"links", links},
		{"free bytes", free},
	} {
		value, err := probe.try(root)
		if err != nil {
			value = "fails: " + err.Error()
		}
		list = append(list, Fact{probe.name, value})
	}
	return append(list, Fact{"reservation", reserves(dir)}), nil
}

// factSize is the size of the files that are tried, in bytes.
const factSize = 1 << 16

// locks tries whether a lock keeps a second one out.
func locks(root fsys.Root) (string, error) {
	one, err := root.OpenFile("a", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer one.Close() // nothing was written through it
	two, err := root.OpenFile("a", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer two.Close() // nothing was written through it
	if _, err := one.TryLock(); err != nil {
		return answer(err)
	}
	switch both, err := two.TryLock(); {
	case err != nil:
		return answer(err)
	case both:
		return "they keep nobody out", nil
	}
	return yes, nil
}

func directWrites(root fsys.Root) (string, error) {
	f, align, err := root.OpenDirect("a", os.O_WRONLY)
	if err != nil {
		return answer(err)
	}
	b, release, err := fsys.NewBuffer(factSize)
	if err == nil {
		_, err = f.WriteAt(b, 0)
		err = errors.Join(err, release())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	return "yes, in multiples of " + strconv.Itoa(align), nil
}

func renameNew(root fsys.Root) (string, error) {
	if err := root.RenameNew("a", "b"); !errors.Is(err, fs.ErrExist) {
		if err == nil {
			return "it replaces", nil
		}
		return answer(err)
	}
	return yes, nil
}

func exchange(root fsys.Root) (string, error) { return answer(root.Exchange("a", "b")) }
func links(root fsys.Root) (string, error)    { return answer(root.Link("a", "c")) }

func free(root fsys.Root) (string, error) {
	n, err := root.Free(".")
	if err != nil {
		return answer(err)
	}
	return strconv.FormatInt(n, 10), nil
}
