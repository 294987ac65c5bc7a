package runs

// This file finds what a checkpoint has and the program does not ask for.

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// tellForgotten says which parts of a checkpoint the run goes on without: the next save will not have
// them. A reader may ask for as little as it likes.
func (r *Run) tellForgotten(from *saved, parts []Part) {
	if r.opts.ReadOnly {
		return
	}
	for _, name := range from.forgotten(parts) {
		from.changed("part "+name, "saved", "not asked for", true)
		r.seen.tell(Warning{Text: fmt.Sprintf("%s has a part %q that the program does not restore: from the next save on it is lost", from.c.ID, name)})
	}
}

// forgotten are the parts that nobody asks for, sorted.
func (s *saved) forgotten(parts []Part) []string {
	names := map[string]bool{}
	for name := range s.state.Parts {
		names[name] = true
	}
	for file := range s.c.Manifest.Files {
		if name, _, found := strings.Cut(file, suffix); found && !shardName.MatchString(name) {
			names[name] = true
		}
	}
	for _, p := range parts {
		delete(names, p.key())
	}
	return slices.Sorted(maps.Keys(names))
}

// shardName is what the files of a set are called. The set's index has the part's name.
var shardName = regexp.MustCompile(`-[0-9]{5}-of-[0-9]{5}\z`)
