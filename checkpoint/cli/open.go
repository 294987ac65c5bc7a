package cli

// This file opens what a path names, and puts errors about it into one line.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const extension = ".safetensors"

// filesAt returns the files that verify checks for a path: the path itself, or
// the safetensors files in a folder, sorted.
func filesAt(path string) ([]string, error) {
	if !isFolder(path) {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), extension) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("the folder holds no *%s file", extension)
	}
	return files, nil
}

// isFolder reports whether there is a folder at path. Of what cannot be looked at,
// opening it will say why.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// kindOf is the word for what is wrong: the rule of the format that is broken,
// else io.
func kindOf(err error) string {
	if bad := (*safetensors.FormatError)(nil); errors.As(err, &bad) {
		return string(bad.Kind)
	}
	return "io"
}

// messageOf says what is wrong with the file at path, in one line that has
// neither that path nor the kind.
func messageOf(err error, path string) string {
	text := err.Error()
	if bad := (*safetensors.FormatError)(nil); errors.As(err, &bad) {
		text = place(*bad, path) + bad.Detail
	}
	return oneLine(strings.TrimPrefix(text, "safetensors: "))
}

// place is the beginning of an error's text: where it is, without the path if
// that is known.
func place(bad safetensors.FormatError, known string) string {
	if bad.Path == known {
		bad.Path = ""
	}
	return strings.TrimSuffix(bad.Error(), fmt.Sprintf("%s: %s", bad.Kind, bad.Detail))
}
