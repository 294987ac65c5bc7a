package cli

// This file finds the files that a path means.

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// filesAt returns the files that verify checks for a path: the path itself, or
// from a folder the shard indexes, then the safetensors files, both sorted.
func filesAt(path string) ([]string, error) {
	if !isFolder(path) {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var indexes, files []string
	for _, e := range entries {
		switch name := filepath.Join(path, e.Name()); {
		case e.IsDir():
		case strings.HasSuffix(name, ".json") && strings.Contains(e.Name(), ".safetensors.index."):
			indexes = append(indexes, name)
		case strings.HasSuffix(name, ".safetensors"):
			files = append(files, name)
		}
	}
	if len(indexes)+len(files) == 0 {
		return nil, errors.New("the folder holds no *.safetensors file and no index of any")
	}
	return append(indexes, files...), nil
}

// isFolder reports whether there is a folder at path. Of what cannot be looked at,
// opening it will say why.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
