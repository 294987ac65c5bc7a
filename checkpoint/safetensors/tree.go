package safetensors

// This file finds files: where paths lead, and which file of a folder is the
// model.

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A tree is where paths lead: the system's files, or those of an fs.FS.
type tree interface {
	source(path string) (*source, error)
	stat(path string) (fs.FileInfo, error)
	list(folder string) ([]fs.DirEntry, error)
	join(folder, name string) string
	folder(path string) string
}

// diskTree is the system's files.
type diskTree struct{ OpenOptions }

func (t diskTree) source(path string) (*source, error) {
	// What is to be read into memory anyway is read faster than it is copied.
	if !t.NoMmap && !t.InMemory {
		if src, err := mapSource(path, t.CopyOnWrite); err == nil {
			return src, nil
		} else if t.CopyOnWrite {
			return nil, fmt.Errorf("map copy-on-write: %w", err)
		}
	}
	return fileSource(path)
}

func (diskTree) stat(path string) (fs.FileInfo, error)     { return os.Stat(path) }
func (diskTree) list(folder string) ([]fs.DirEntry, error) { return os.ReadDir(folder) }
func (diskTree) join(folder, name string) string           { return filepath.Join(folder, name) }
func (diskTree) folder(path string) string                 { return filepath.Dir(path) }

// fsTree is the files of an fs.FS.
type fsTree struct{ fs.FS }

func (t fsTree) source(path string) (*source, error)       { return fsSource(t.FS, path) }
func (t fsTree) stat(path string) (fs.FileInfo, error)     { return fs.Stat(t.FS, path) }
func (t fsTree) list(folder string) ([]fs.DirEntry, error) { return fs.ReadDir(t.FS, folder) }
func (fsTree) join(folder, name string) string             { return path.Join(folder, name) }
func (fsTree) folder(name string) string                   { return path.Dir(name) }

// openPath opens what path leads to: a file, an index, or a folder with either.
func openPath(t tree, path string, o OpenOptions) (*File, error) {
	src, err := t.source(path)
	if err != nil {
		if info, statErr := t.stat(path); statErr != nil || !info.IsDir() {
			return nil, fmt.Errorf("safetensors: %w", err)
		}
		if path, err = modelIn(t, path); err != nil {
			return nil, err
		}
		if src, err = t.source(path); err != nil {
			return nil, fmt.Errorf("safetensors: %w", err)
		}
	}
	if strings.HasSuffix(path, ".json") {
		return openSet(t, src, o)
	}
	return newFile(src, o)
}

// modelIn returns the path of the file in folder to open: the index or the file
// of the usual name, else the only index, else the only file. As in
// huggingface_hub an index goes before a file.
func modelIn(t tree, folder string) (string, error) {
	all, err := t.list(folder)
	if err != nil {
		return "", fmt.Errorf("safetensors: %w", err)
	}
	var indexes, files []string
	others := &someNames{}
	for _, e := range all {
		switch name := e.Name(); {
		case e.IsDir():
		case name == "model.safetensors.index.json":
			return t.join(folder, name), nil
		case isIndexName(name):
			indexes = append(indexes, name)
		case strings.HasSuffix(name, shardSuffix):
			files = append(files, name)
		default:
			others.add([]byte(name))
		}
	}
	if slices.Contains(files, "model.safetensors") {
		return t.join(folder, "model.safetensors"), nil
	}
	found := indexes
	if len(found) == 0 {
		found = files
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("safetensors: folder %s has no shard index and no *%s; it holds %s", folder, shardSuffix, others)
	case 1:
		return t.join(folder, found[0]), nil
	}
	names := &someNames{}
	for _, name := range found {
		names.add([]byte(name))
	}
	return "", fmt.Errorf("safetensors: folder %s holds %s: open one of them, or their index, by its name", folder, names)
}

// isIndexName reports whether name is an index's: model.safetensors.index.json, or
// with a variant before either of the last two words: "index.fp16.json" is
// transformers', "fp16.index.json" is diffusers'.
func isIndexName(name string) bool {
	_, words, _ := strings.Cut(name, shardSuffix)
	return strings.Contains(words, ".index.") && strings.HasSuffix(words, ".json")
}
