package main

// This file is the list of mutants, and what each makes of a file.

import (
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
)

// A mutant is code with something broken.
type mutant struct {
	name   string
	line   int    // in the list
	file   string // from the top of the checkout, with slashes
	edits  []edit
	checks []check // tried in this order until one fails
}

// An edit replaces text that must be in the file exactly once. White space at the beginning of its
// lines is of no matter.
type edit struct{ old, new []string }

// A check is tests of a package.
type check struct {
	pkg string // its folder
	run string // for -run
}

func (c check) String() string { return c.pkg + " " + c.run }

// base is the folder that the list's paths are in.
const base = "checkpoint"

// parse reads the list: a name at the beginning of a line, and what belongs to it behind tabs.
func parse(text string) ([]*mutant, error) {
	var all []*mutant
	names := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		body, indented := strings.CutPrefix(line, "\t")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case !indented && names[line]:
			return nil, fmt.Errorf("line %d: a second mutant called %q", i+1, line)
		case !indented:
			names[line] = true
			all = append(all, &mutant{name: line, line: i + 1})
		case len(all) == 0:
			return nil, fmt.Errorf("line %d: there is no mutant yet", i+1)
		default:
			if err := all[len(all)-1].add(body); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
	}
	for _, m := range all {
		if len(m.edits) == 0 || len(m.checks) == 0 {
			return nil, fmt.Errorf("line %d: %s: a mutant has a file, at least one edit, and tests", m.line, m.name)
		}
	}
	return all, nil
}

// add adds a line: the file, lines to remove, lines to put there, tests.
func (m *mutant) add(line string) error {
	text := strings.TrimSpace(strings.TrimLeft(line, "-+"))
	switch {
	case m.file == "":
		m.file = path.Join(base, line)
	case line[0] == '-':
		if n := len(m.edits); n == 0 || len(m.edits[n-1].new) > 0 {
			m.edits = append(m.edits, edit{})
		}
		last := &m.edits[len(m.edits)-1]
		last.old = append(last.old, text)
	case line[0] == '+' && len(m.edits) > 0:
		last := &m.edits[len(m.edits)-1]
		last.new = append(last.new, text)
	case line[0] == '+':
		return errors.New("nothing is removed where this is put")
	default:
		pkg, run, found := strings.Cut(line, " ")
		if !found {
			return fmt.Errorf("%q: want a package and which of its tests", line)
		}
		m.checks = append(m.checks, check{path.Join(base, pkg), run})
	}
	return nil
}

// fit sees that all mutants can be made.
func fit(mutants []*mutant) error {
	var errs []error
	for _, m := range mutants {
		if _, err := m.source(); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w\nthe list is stale: %s has to follow the code", err, listName)
	}
	return nil
}

// source is the file as the mutant has it.
func (m *mutant) source() (string, error) {
	b, err := os.ReadFile(m.file)
	if err != nil {
		return "", fmt.Errorf("%s:%d: stale: %s: %w", listName, m.line, m.name, err)
	}
	text := string(b)
	for _, e := range m.edits {
		found := e.pattern().FindAllStringIndex(text, -1)
		if len(found) != 1 {
			return "", fmt.Errorf("%s:%d: stale: %s: %s has %d times, not once: %s",
				listName, m.line, m.name, m.file, len(found), strings.Join(e.old, " ⏎ "))
		}
		text = text[:found[0][0]] + strings.Join(e.new, "\n") + text[found[0][1]:]
	}
	return text, nil
}

// pattern matches the text to be replaced.
func (e edit) pattern() *regexp.Regexp {
	quoted := make([]string, len(e.old))
	for i, line := range e.old {
		quoted[i] = regexp.QuoteMeta(line)
	}
	return regexp.MustCompile(strings.Join(quoted, `\r?\n[ \t]*`))
}

// checksOf are the tests that any of the mutants asks for.
func checksOf(mutants []*mutant) (all []check) {
	seen := map[check]bool{}
	for _, m := range mutants {
		for _, c := range m.checks {
			if !seen[c] {
				seen[c] = true
				all = append(all, c)
			}
		}
	}
	return all
}
