package provenance

// This file tells a second experiment from a run that goes on.

import (
	"errors"
	"fmt"
	"strings"
)

// ErrDifferentRun is the kind of every *DifferentRunError.
var ErrDifferentRun = errors.New("the configuration is that of another run")

// A DifferentRunError lists the settings that must not change in a run, and have.
type DifferentRunError struct {
	Changes []Change // sorted by What, the settings' paths
}

// Error gives the settings, the first ten where there are more.
func (e *DifferentRunError) Error() string {
	const most = 10
	lines := make([]string, 0, most+1)
	for _, c := range e.Changes[:min(len(e.Changes), most)] {
		lines = append(lines, c.String())
	}
	if more := len(e.Changes) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%v: %s", ErrDifferentRun, strings.Join(lines, "; "))
}

// Unwrap returns ErrDifferentRun.
func (e *DifferentRunError) Unwrap() error { return ErrDifferentRun }

// CheckIdentity compares the settings that make a run what it is. A key is the path
// of one, such as "data.seed", or of several: "data" is all of them. A difference is
// a *DifferentRunError that lists all; a setting that only one side has is one. A key
// that neither side has is an error of another kind, for it would guard nothing.
func CheckIdentity(was, is Config, keys []string) error {
	before, now := was.settings(), is.settings()
	selectedBefore, selectedNow := map[string]setting{}, map[string]setting{}
	var unknown []string
	for _, key := range keys {
		if pick(selectedBefore, before, key)+pick(selectedNow, now, key) == 0 {
			unknown = append(unknown, fmt.Sprintf("%q", key))
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("no setting of the configuration is %s", strings.Join(unknown, " or "))
	}
	if c := diffSettings(selectedBefore, selectedNow); len(c) > 0 {
		return &DifferentRunError{c}
	}
	return nil
}

// pick adds those of all that key means, and counts them.
func pick(selected, all map[string]setting, key string) (n int) {
	for path, s := range all {
		if under(path, key) || under(s.plain, key) {
			selected[path] = s
			n++
		}
	}
	return n
}

func under(path, key string) bool {
	return path == key || strings.HasPrefix(path, key+".")
}
