package provenance

// This file is a user's configuration, as it is on disk: hyperparameters, names of
// data, whatever is set from outside.

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// A Config is a configuration in JSON, of at most 10,000 settings, 100 deep. The zero
// Config is none. It does not change, so it may be used by several goroutines.
type Config struct {
	text []byte // canonical; nil for none
	tree any    // as jsonfloat.Decode gives it
}

// NewConfig takes a struct, a map or anything else that JSON can hold, NaN and
// infinities included, and keeps nothing of it. Nil is no configuration.
func NewConfig(v any) (Config, error) {
	text, err := jsonfloat.Marshal(v)
	if err != nil {
		return Config{}, fmt.Errorf("configuration %T: %w", v, err)
	}
	var c Config
	err = c.UnmarshalJSON(text)
	return c, err
}

// MarshalJSON gives the configuration with sorted keys.
func (c Config) MarshalJSON() ([]byte, error) {
	if c.text == nil {
		return []byte("null"), nil
	}
	return slices.Clone(c.text), nil
}

// IsZero reports whether there is no configuration.
func (c Config) IsZero() bool { return c.text == nil }

// UnmarshalJSON takes any JSON value within the limits. Integers keep all their
// digits.
func (c *Config) UnmarshalJSON(text []byte) error {
	tree, err := jsonfloat.Decode(text)
	if err != nil || tree == nil {
		*c = Config{}
		return err
	}
	left := mostSettings
	if err := check(tree, 0, 0, &left); err != nil {
		return err
	}
	canonical, err := jsonfloat.Marshal(tree)
	if err != nil {
		return err
	}
	*c = Config{canonical, tree}
	return nil
}

// Without limits, a small file of long keys would be gigabytes of paths.
const (
	mostSettings = 10_000
	deepest      = 100  // objects and arrays in each other
	longestPath  = 1000 // bytes
)

// check keeps a configuration within the limits.
func check(tree any, depth, path int, left *int) error {
	if depth > deepest {
		return fmt.Errorf("a configuration nested more than %d deep", deepest)
	}
	if path > longestPath {
		return fmt.Errorf("a setting whose path has more than %d bytes", longestPath)
	}
	switch v := tree.(type) {
	case map[string]any:
		for key, value := range v {
			if err := check(value, depth+1, path+len(key)+1, left); err != nil {
				return err
			}
		}
	case []any:
		for _, value := range v {
			if err := check(value, depth+1, path+1, left); err != nil {
				return err
			}
		}
	}
	if *left--; *left < 0 {
		return fmt.Errorf("a configuration of more than %d settings", mostSettings)
	}
	return nil
}

// A setting is one value of a configuration that has no parts.
type setting struct {
	// path is the keys on the way to it, joined by dots; elements of arrays go by
	// their index. Keys with a dot in them are quoted here, and are not in plain.
	path, plain string
	value       any
}

// text is the value in JSON.
func (s setting) text() string {
	switch v := s.value.(type) {
	case json.Number:
		return v.String()
	case map[string]any: // an empty one
		return "{}"
	case []any:
		return "[]"
	}
	text, err := jsonfloat.Marshal(s.value)
	if err != nil {
		return err.Error() // strings, booleans and null have none
	}
	return string(text)
}

func (s setting) equal(t setting) bool {
	a, okA := s.value.(json.Number)
	b, okB := t.value.(json.Number)
	if okA && okB {
		return equalNumbers(a, b)
	}
	return s.text() == t.text()
}

// settings gives every setting by its path.
func (c Config) settings() map[string]setting {
	all := map[string]setting{}
	if c.tree != nil {
		addSettings(all, setting{value: c.tree})
	}
	return all
}

func addSettings(all map[string]setting, s setting) {
	switch v := s.value.(type) {
	case map[string]any:
		for key, value := range v {
			addSettings(all, s.part(key, value))
		}
		if len(v) > 0 {
			return
		}
	case []any:
		for i, value := range v {
			addSettings(all, s.part(strconv.Itoa(i), value))
		}
		if len(v) > 0 {
			return
		}
	}
	all[s.path] = s
}

func (s setting) part(key string, value any) setting {
	quoted := key
	if key == "" || strings.ContainsAny(key, `."`) {
		quoted = strconv.Quote(key)
	}
	if s.path == "" {
		return setting{quoted, key, value}
	}
	return setting{s.path + "." + quoted, s.plain + "." + key, value}
}

// DiffConfig lists the settings that were changed, added or removed, sorted by
// their paths, with values in JSON. Numbers are compared as numbers, however many
// digits they have: 1 and 1.0 are equal.
func DiffConfig(was, is Config) []Change {
	return diffSettings(was.settings(), is.settings())
}

func diffSettings(was, is map[string]setting) []Change {
	var c changes
	for path, before := range was {
		if now, ok := is[path]; !ok {
			c = append(c, Change{path, before.text(), "", true})
		} else if !before.equal(now) {
			c = append(c, Change{path, before.text(), now.text(), true})
		}
	}
	for path, now := range is {
		if _, ok := was[path]; !ok {
			c = append(c, Change{path, "", now.text(), true})
		}
	}
	return c.sorted()
}
