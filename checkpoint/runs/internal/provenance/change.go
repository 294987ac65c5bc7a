package provenance

// This file compares what made a checkpoint with what runs now.

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Change is one thing that differs.
type Change struct {
	What    string // such as "gorgonia.org/gorgonia", "code revision" or "optimizer.lr"
	Was, Is string // "" where there was or is none
	// Numeric says that numbers can differ for it, bit for bit.
	Numeric bool
}

// String is one line for a log, without control characters and not too long:
// "gorgonia.org/gorgonia v0.9.17 -> v0.9.18".
func (c Change) String() string {
	return visible(c.What) + " " + visible(cmp.Or(c.Was, "none")) + " -> " + visible(cmp.Or(c.Is, "none"))
}

// visible quotes what a terminal could not show as it is.
func visible(s string) string {
	const most = 100
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "..."
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// A changes gathers what differs.
type changes []Change

func (c *changes) add(what, was, is string, numeric bool) {
	if was != is {
		*c = append(*c, Change{what, was, is, numeric})
	}
}

// addMaps compares the entries of two maps under name(key).
func (c *changes) addMaps(was, is map[string]string, name func(key string) string, numeric func(key string) bool) {
	keys := slices.Collect(maps.Keys(was))
	for key := range is {
		if _, ok := was[key]; !ok {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		c.add(name(key), was[key], is[key], numeric(key))
	}
}

func (c *changes) sorted() []Change {
	slices.SortFunc(*c, func(a, b Change) int { return cmp.Compare(a.What, b.What) })
	return *c
}

// Diff lists what differs between two provenances, sorted by What; equal ones give
// nil. Redacted values are equal.
func Diff(was, is Provenance) []Change {
	var c changes
	c.add("program", was.Program, is.Program, true)
	c.addCode(was, is)
	c.add("Go", was.Go, is.Go, true)
	c.add("system", was.OS+"/"+was.Arch, is.OS+"/"+is.Arch, true)
	c.add("host", was.Host, is.Host, false)
	c.add("CPU", was.CPU, is.CPU, true)
	c.add("CPU features", strings.Join(was.Features, " "), strings.Join(is.Features, " "), true)
	c.add("threads", strconv.Itoa(was.Threads), strconv.Itoa(is.Threads), true)
	c.add("BLAS", was.BLAS, is.BLAS, true)
	c.addMaps(was.Build, is.Build, func(key string) string { return "build " + key }, always)
	c.addModules(was, is)
	c.addMaps(flags(was.Args), flags(is.Args), flagName, always)
	return c.sorted()
}

// addCode compares the source. Where a revision does not say what was built, the
// identity of what the linker made does.
func (c *changes) addCode(was, is Provenance) {
	c.add("code revision", was.Code.String(), is.Code.String(), true)
	known := was.Code.Revision != "" && !was.Code.Modified
	if was.Code == is.Code && !known && was.BuildID != "" && is.BuildID != "" {
		c.add("program's build", was.BuildID, is.BuildID, true)
	}
}

// addModules compares versions. The main module's is made of the revision, where
// there is one.
func (c *changes) addModules(was, is Provenance) {
	before, now := maps.Clone(was.Modules), maps.Clone(is.Modules)
	if was.Main == is.Main && was.Code.Revision != "" && is.Code.Revision != "" {
		delete(before, is.Main)
		delete(now, is.Main)
	}
	c.addMaps(before, now, func(path string) string { return path }, func(path string) bool {
		return path == is.Main || path == was.Main || computes(path)
	})
}

// String is the revision's first digits, and whether there were changes on top.
func (c Code) String() string {
	const digits = 12
	s := c.Revision[:min(digits, len(c.Revision))]
	if c.Modified {
		s += " (modified)"
	}
	return s
}

func always(string) bool { return true }

func flagName(key string) string {
	if key == "" {
		return "arguments"
	}
	return "flag -" + key
}

// computes reports whether results can depend on a module: those that Gorgonia
// computes with, and this one.
func computes(module string) bool {
	for _, prefix := range []string{
		"gorgonia.org/", "gonum.org/", "github.com/chewxy/", "github.com/fb777929/kibisis",
		"github.com/leesper/go_rng", "github.com/ebitengine/purego", "golang.org/x/exp",
	} {
		if strings.HasPrefix(module, prefix) {
			return true
		}
	}
	return false
}
