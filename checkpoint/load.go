package checkpoint

// This file loads models in one go. staged.go is its two halves.

import (
	"context"
	"errors"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// LoadOptions tunes LoadModel and ReadModel. Nil means strict: the file and the
// model have the same names, and shapes and dtypes are equal.
type LoadOptions struct {
	// Only selects the parameters to load, by the model's names; nil selects
	// all, and to select none is an error. What the file has for those left out
	// is not unexpected.
	Only func(param string) bool
	// Stored says how a parameter lies in the file; nil as in the model.
	Stored func(param string) Stored
	// Cast says which conversions of dtype may be made.
	Cast Cast
	// AllowMissing leaves parameters that the file lacks as they are.
	AllowMissing bool
	// AllowUnexpected passes over tensors of the file that the model lacks.
	AllowUnexpected bool
	// KeepOnShapeMismatch leaves parameters of another shape as they are.
	KeepOnShapeMismatch bool
	// SkipChecksums does not compare the checksums that a file may carry.
	SkipChecksums bool
	// Progress is called with the bytes copied so far and all there are, from one
	// goroutine at a time.
	Progress func(done, total int64)

	renames []*Renames // see Renames.LoadOptions
}

// LoadModel reads the file at path, or the set of shards whose index or folder path
// is (see safetensors.Open), into the model, in place: it overwrites the
// bytes behind the live values, so whatever shares them (ties, views, other
// graphs, compiled machines) has the loaded numbers too. A node without a value
// gets one.
//
// Everything is checked first: names, shapes, dtypes, checksums, what conversions
// would do, that the file can be read to its end. When LoadModel returns an error
// every byte of the model is as it was, but for a *PartialLoadError: a medium
// that fails during the copy, after it was read once without fault. Differences
// between file and model are a *MismatchError that lists all of them.
//
// Tied parameters are found under any of their names, and where the file lacks a
// name, under the one that the file's aliases give for it. A file that has
// different bytes for two names of one tensor is an error.
//
// What cannot be mapped is read into memory first. ctx ends a load until the copy
// begins; nothing is copied then. See Model for what may not run meanwhile. For batch
// normalisations: load after the machine is made, because making it resets their
// statistics.
func LoadModel(ctx context.Context, path string, m Model, o *LoadOptions) (_ *Report, err error) {
	params, o, err := targets(m, o)
	if err != nil {
		return nil, err
	}
	f, err := safetensors.Open(path, nil)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: load: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	report, err := load(ctx, f, params, o)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: load %s: %w", path, err)
	}
	return report, nil
}

// ReadModel is LoadModel from an open file, of which it keeps nothing.
func ReadModel(ctx context.Context, f *safetensors.File, m Model, o *LoadOptions) (*Report, error) {
	s, err := StageModel(ctx, f, m, o)
	if err != nil {
		return nil, err
	}
	return s.Commit()
}

// targets lists what can be loaded into, or says why the model or the options make
// no sense, whatever the file.
func targets(m Model, o *LoadOptions) ([]placed, *LoadOptions, error) {
	if o == nil {
		o = &LoadOptions{}
	}
	params, err := collect(m)
	if err != nil {
		return nil, nil, err
	}
	if len(selected(params, o.Only)) == 0 {
		return nil, nil, errNoneSelected()
	}
	all, err := locate(params, o.Stored)
	if err != nil {
		return nil, nil, err
	}
	return all, o, o.checkRenames(all)
}

func load(ctx context.Context, f *safetensors.File, params []placed, o *LoadOptions) (*Report, error) {
	s, err := stage(ctx, f, params, o)
	if err != nil {
		return nil, err
	}
	return s.commit()
}
