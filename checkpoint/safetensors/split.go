package safetensors

// This file divides tensors among the files of a set, and names the files: the rules of
// huggingface_hub, so that both make the same files of the same tensors.

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	// defaultShard is the most that a shard holds, in bytes of data.
	defaultShard = 5e9
	// maxShards is how many files five digits can number.
	maxShards = 99_999
	// defaultName begins the names of a set's files.
	defaultName = "model"

	indexSuffix = ".index.json"
)

// split puts tensors of these sizes, in this order, into groups of at most most bytes: a
// group is closed when the next tensor does not fit. A tensor that is larger by itself
// becomes a group at once, before the one that is being filled.
func split(sizes []int64, most int64) (groups [][]int) {
	var open []int
	var filled int64
	for i, size := range sizes {
		if size > most {
			groups = append(groups, []int{i})
			continue
		}
		if size > most-filled {
			groups = append(groups, open)
			open, filled = nil, 0
		}
		open = append(open, i)
		filled += size
	}
	if len(open) > 0 || len(groups) == 0 { // nothing at all is a file, too
		groups = append(groups, open)
	}
	return groups
}

// shardName is the name of file i, from 0, of n.
func shardName(name string, i, n int) string {
	if n == 1 {
		return name + shardSuffix
	}
	return fmt.Sprintf("%s-%05d-of-%05d%s", name, i+1, n, shardSuffix)
}

func shardIndexName(name string) string { return name + shardSuffix + indexSuffix }

// behindName is what follows a set's name in the names of its files, and of earlier ones:
// what huggingface_hub removes before it saves.
var behindName = regexp.MustCompile(`\A(-[0-9]{5}-of-[0-9]{5})?\.safetensors(\.index\.json)?\z`)

// isOfSet makes the function that tells which files of a folder are of the set called name.
func isOfSet(name string) func(file string) bool {
	return func(file string) bool {
		rest, ok := strings.CutPrefix(file, name)
		return ok && behindName.MatchString(rest)
	}
}

// checkSetName refuses names whose files could not be opened again.
func checkSetName(name string) error {
	longest := shardName(name, 0, maxShards)
	fault := shardNameFault([]byte(longest))
	switch {
	case !utf8.ValidString(name):
		fault = "it is not UTF-8"
	case len(longest)+len(indexSuffix) > maxShardName:
		fault = fmt.Sprintf("the files' names would be longer than %d bytes", maxShardName)
	case fault == "" && !filepath.IsLocal(longest):
		fault = "it has a meaning of its own on this system"
	}
	if fault != "" {
		return fmt.Errorf("safetensors: a set cannot be called %q: %s", shorten(name), fault)
	}
	return nil
}
