package runs

// This file lists a state at one moment: tensors that are still the live ones, and JSON.

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A capture is the state of a run between two steps. Its tensors are live: they must be
// copied before the next step.
type capture struct {
	files   []tensorFile
	entries map[string]json.RawMessage // of state.json, by part
	solvers map[string]bool            // parts whose entry is a solverState
	trained trained                    // parameters that a solver changes
	memo    *memo
}

// A tensorFile is what becomes name.safetensors, or a set of shards.
type tensorFile struct {
	name     string
	src      []safetensors.Source
	metadata map[string]string
	slots    bool // of an optimizer
}

// trained are the names of parameters that solvers change, one set for each. Sets are not changed.
type trained []map[string]bool

func (t trained) has(name string) bool {
	return slices.ContainsFunc(t, func(set map[string]bool) bool { return set[name] })
}

// newCapture asks all parts. What they said at the capture before is in memo, and what they say
// now goes there.
func newCapture(parts []Part, memo *memo) (*capture, error) {
	c := &capture{entries: map[string]json.RawMessage{}, solvers: map[string]bool{}, memo: memo}
	for _, p := range parts {
		if err := p.capture(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// tensors adds a file. The names are those of the model.
func (c *capture) tensors(name string, m checkpoint.Model) error {
	return c.file(name, walk(m, len(c.memo.files[name].of)), func() (tensorFile, error) { return newTensorFile(name, m) })
}

// file adds a file of these values, which made lists if they are not those of the last capture.
func (c *capture) file(name string, values []named, list func() (tensorFile, error)) error {
	if kept, ok := c.memo.files[name]; ok && hold(kept.of, values) {
		c.files = append(c.files, kept.file)
		return nil
	}
	f, err := list()
	if err != nil {
		return err
	}
	c.memo.files[name] = keptFile{markAll(values), f}
	c.files = append(c.files, f)
	return nil
}

func newTensorFile(name string, m checkpoint.Model) (tensorFile, error) {
	src, o, err := checkpoint.Sources(m, &checkpoint.SaveOptions{Checksums: true})
	if err != nil {
		return tensorFile{}, fmt.Errorf("part %q: %w", name, err)
	}
	return tensorFile{name: name, src: src, metadata: o.Metadata}, nil
}

// json adds an entry of state.json.
func (c *capture) json(name string, raw json.RawMessage) { c.entries[name] = slices.Clip(raw) }
