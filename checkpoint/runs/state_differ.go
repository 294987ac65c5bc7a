package runs

// This file is messages: where a value cannot be saved, and how a file and a type differ.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// differences are those between what a file has and what a value would save that was restored
// from it.
type differences struct {
	unknown bool // the file has fields that the type has not
	lines   []string
}

func (d *differences) add(format string, args ...any) {
	const most = 20
	if len(d.lines) < most {
		d.lines = append(d.lines, fmt.Sprintf(format, args...))
	}
}

func (d *differences) compare(path string, file, here any) {
	switch file := file.(type) {
	case map[string]any:
		if here, ok := here.(map[string]any); ok {
			d.compareObjects(path, file, here)
			return
		}
	case []any:
		if here, ok := here.([]any); ok && len(file) == len(here) {
			for i := range file {
				d.compare(fmt.Sprintf("%s[%d]", path, i), file[i], here[i])
			}
			return
		}
	}
	if !reflect.DeepEqual(file, here) {
		d.add("%s is %s in the file, and would be %s", pathOr(path, "it"), briefly(file), briefly(here))
	}
}

// compareObjects passes over fields that only the file has where all are known to the type:
// those are empty, and not written again.
func (d *differences) compareObjects(path string, file, here map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(here)) {
		if value, ok := file[key]; ok {
			d.compare(join(path, key), value, here[key])
		} else {
			d.add("the file has no %s", join(path, key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(file)) {
		if _, ok := here[key]; !ok && d.unknown {
			d.add("the file has %s, and the type has not", join(path, key))
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func pathOr(path, otherwise string) string {
	if path == "" {
		return otherwise
	}
	return strings.TrimPrefix(path, ".")
}

// briefly is a JSON value in a message.
func briefly(v any) string {
	const most = 40
	text, err := json.Marshal(v)
	switch {
	case err != nil:
		return fmt.Sprintf("a %T", v)
	case len(text) > most:
		return string(bytes.ToValidUTF8(text[:most], nil)) + "..."
	}
	return string(text)
}

// A notFiniteSearch finds a float that JSON cannot write.
type notFiniteSearch struct {
	seen  map[uintptr]bool // pointers that were followed
	path  string
	float float64
}

func (s *notFiniteSearch) in(v reflect.Value, path string) bool {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		s.path, s.float = path, v.Float()
		return math.IsNaN(s.float) || math.IsInf(s.float, 0)
	case reflect.Interface:
		return !v.IsNil() && s.in(v.Elem(), path)
	case reflect.Pointer:
		if v.IsNil() || s.seen[v.Pointer()] {
			return false
		}
		s.seen[v.Pointer()] = true
		return s.in(v.Elem(), path)
	}
	for at, e := range inside(v, path) {
		if s.in(e, at) {
			return true
		}
	}
	return false
}

// hasBadText reports whether json.Marshal met bytes that are no UTF-8, for which it writes
// this escape. A replacement character that was there before is written as itself.
func hasBadText(raw []byte) bool {
	escape := []byte(`\ufffd`)
	for {
		at := bytes.Index(raw, escape)
		if at < 0 {
			return false
		}
		before := len(raw[:at]) - len(bytes.TrimRight(raw[:at], `\`))
		if before%2 == 0 {
			return true
		}
		raw = raw[at+len(escape):]
	}
}
