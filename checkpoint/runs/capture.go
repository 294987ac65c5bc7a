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
	trained map[string]bool            // parameters that a solver changes
}

// A tensorFile is what becomes name.safetensors, or a set of shards.
type tensorFile struct {
	name     string
	src      []safetensors.Source
	metadata map[string]string
	slots    bool // of an optimizer
}

// newCapture asks all parts.
func newCapture(parts []Part) (*capture, error) {
	c := &capture{entries: map[string]json.RawMessage{}, trained: map[string]bool{}}
	for _, p := range parts {
		if err := p.capture(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// tensors adds a file. The names are those of the model.
func (c *capture) tensors(name string, m checkpoint.Model) error {
	src, o, err := checkpoint.Sources(m, &checkpoint.SaveOptions{Checksums: true})
	if err != nil {
		return fmt.Errorf("part %q: %w", name, err)
	}
	c.files = append(c.files, tensorFile{name: name, src: src, metadata: o.Metadata})
	return nil
}

// json adds an entry of state.json.
func (c *capture) json(name string, raw json.RawMessage) { c.entries[name] = slices.Clip(raw) }
