package checkpoint

// This file is the two halves of a load: all that can fail, after which the model is as it
// was, and the copy. Between the two a program can stage other loads, so that all are
// committed or none.

import (
	"context"
	"errors"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A Staged is a load that can no longer fail: file and model were matched, all bytes were
// read once and compared with their checksums, and conversions were tried. Nothing of the
// model has changed. It is no two goroutines' at once.
type Staged struct {
	file     *safetensors.File
	plan     *plan // nil when committed
	report   *Report
	progress func(done, total int64)
}

// errCommitted says that a Staged was used up.
var errCommitted = errors.New("committed before, as a whole or in part: stage the load again")

// StageModel does all of ReadModel that can fail, and leaves the copy to Commit. Stage all
// parts of a checkpoint, each from its own file into its own model, then commit them: where
// one is refused, none has changed.
//
//	weights, err := checkpoint.StageModel(ctx, f, model, nil)
//	slots, err := checkpoint.StageModel(ctx, g, optimizer, nil)
//	... // no error so far: from here on, nothing is refused
//	_, err = weights.Commit()
//	_, err = slots.Commit()
//
// f must stay open, and be the file that it is, until Commit; of a file that is not mapped,
// the bytes are in memory until then. The model's values must stay where they are: a
// parameter that gets another value meanwhile keeps that one, untouched, and the old value
// is written. Parts that share memory are not compared with each other: the last one
// committed counts. A Staged that is not committed needs no closing.
func StageModel(ctx context.Context, f *safetensors.File, m Model, o *LoadOptions) (*Staged, error) {
	params, o, err := targets(m, o)
	if err != nil {
		return nil, err
	}
	s, err := stage(ctx, f, params, o)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return s, nil
}

// Report is what Commit will do or has done. It stays the Staged's.
func (s *Staged) Report() *Report { return s.report }

// Commit copies the file's values into the model, on all cores, and gives parameters without
// a value theirs. It cannot be cancelled. An error is a *PartialLoadError, for a medium that
// fails during the copy. Any other means that the model is as it was: the file was closed or
// cut short since it was staged, or this is the second Commit.
func (s *Staged) Commit() (*Report, error) {
	report, err := s.commit()
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return report, nil
}

func stage(ctx context.Context, f *safetensors.File, params []placed, o *LoadOptions) (*Staged, error) {
	plan, err := match(f, params, o)
	if err != nil {
		return nil, err
	}
	if err := plan.stage(ctx, o); err != nil {
		return nil, err
	}
	if err := f.Check(); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return &Staged{file: f, plan: plan, report: plan.report, progress: o.Progress}, nil
}

func (s *Staged) commit() (*Report, error) {
	if s.plan == nil {
		return nil, errCommitted
	}
	if err := s.file.Check(); err != nil {
		return nil, err
	}
	// Commit point: above, the model is untouched; below, it changes.
	err := s.plan.commit(s.file.Check, s.progress)
	s.plan, s.file = nil, nil // lets go of the bytes
	if err != nil {
		return nil, err
	}
	return s.report, nil
}
