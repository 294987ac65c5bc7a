package runs

// This file is a checkpoint as parts read it.

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// saved is a checkpoint that is being restored.
type saved struct {
	c       *store.Checkpoint
	state   stateFile
	renames *checkpoint.Renames
	opened  []*safetensors.File
	reports map[string]*checkpoint.Report
	changes []Change
}

// openSaved reads state.json.
func openSaved(c *store.Checkpoint, renames *checkpoint.Renames) (*saved, error) {
	s := &saved{c: c, renames: renames, reports: map[string]*checkpoint.Report{}}
	b, err := c.ReadAll(stateName)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &s.state); err != nil {
		return nil, fmt.Errorf("%s/%s: %w", c.ID, stateName, err)
	}
	if s.state.Format > stateFormat {
		return nil, fmt.Errorf("%s/%s: %w: %d, this program reads up to %d", c.ID, stateName, ErrNewerFormat, s.state.Format, stateFormat)
	}
	if s.state.Step != c.Step {
		return nil, fmt.Errorf("%s/%s: it is the one of step %d", c.ID, stateName, s.state.Step)
	}
	return s, nil
}

// close closes what was opened.
func (s *saved) close() (err error) {
	for _, f := range s.opened {
		err = errors.Join(err, f.Close())
	}
	s.opened = nil
	return err
}

// json is the entry of a part in state.json.
func (s *saved) json(name string) (json.RawMessage, bool) {
	raw, ok := s.state.Parts[name]
	return raw, ok
}

// decode reads the entry of a part, which must be there.
func (s *saved) decode(name string, v any) error {
	raw, ok := s.json(name)
	if !ok {
		return fmt.Errorf("part %q: %s has none; it has %q", name, s.c.ID, slices.Sorted(maps.Keys(s.state.Parts)))
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("part %q of %s: %w", name, s.c.ID, err)
	}
	return nil
}

const suffix = ".safetensors"

// has reports whether there are tensors of that name.
func (s *saved) has(name string) bool { return s.fileOf(name) != "" }

// fileOf is what to open for tensors of that name: an index goes first.
func (s *saved) fileOf(name string) string {
	for _, file := range []string{name + suffix + ".index.json", name + suffix} {
		if s.c.Manifest.Files[file] != nil {
			return file
		}
	}
	return ""
}

// open opens the tensors of a part. They stay open until close.
func (s *saved) open(name string) (*safetensors.File, error) {
	file := s.fileOf(name)
	if file == "" {
		return nil, fmt.Errorf("part %q: %s has no %s; it has %q", name, s.c.ID, name+suffix, slices.Sorted(maps.Keys(s.c.Manifest.Files)))
	}
	f, err := safetensors.OpenFS(folder{s.c}, file, nil)
	if err != nil {
		return nil, fmt.Errorf("part %q of %s: %w", name, s.c.ID, err)
	}
	s.opened = append(s.opened, f)
	return f, nil
}

// report keeps what was loaded.
func (s *saved) report(name string, r *checkpoint.Report) { s.reports[name] = r }

// changed notes what is not as it was.
func (s *saved) changed(what, was, is string, numeric bool) {
	s.changes = append(s.changes, Change{What: what, Was: was, Is: is, Numeric: numeric})
}

// changedSettings compares settings that are the program's, such as a learning rate.
func (s *saved) changedSettings(part string, was, is map[string]jsonfloat.Float) {
	keys := slices.Collect(maps.Keys(was))
	for key := range is {
		if _, ok := was[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		old, now := setting(was, key), setting(is, key)
		if old != now {
			s.changed(part+"."+key, old, now, true)
		}
	}
}

func setting(m map[string]jsonfloat.Float, key string) string {
	v, ok := m[key]
	if !ok {
		return ""
	}
	return fmt.Sprint(float64(v))
}

// renamed is the model's name for a parameter of the file.
func (s *saved) renamed(param string) string {
	if s.renames == nil {
		return param
	}
	if name, ok := s.renames.Param(param); ok {
		return name
	}
	return param
}

// A folder is a checkpoint's files as an fs.FS.
type folder struct{ c *store.Checkpoint }

// Open implements fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	if f.c.Manifest.Files[name] == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	file, err := f.c.Open(name)
	if err != nil {
		return nil, err
	}
	return &readFile{file: file}, nil
}

// sortChanges orders by what changed.
func sortChanges(c []Change) {
	slices.SortStableFunc(c, func(a, b Change) int { return cmp.Compare(a.What, b.What) })
}
