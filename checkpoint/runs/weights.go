package runs

// This file is parts made of named tensors.

import (
	"context"
	"errors"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const (
	weightsKey   = "model"
	optimizerKey = "optimizer"
)

// Weights saves the parameters and buffers of a model to model.safetensors, in the form of
// checkpoint.SaveModel: tied tensors once, and Python opens the file. What is too large for
// Options.ShardSize is in shards with an index.
//
// Restoring is checkpoint.LoadModel's, strict and in place. For batch normalisations, put
// checkpoint.FromBatchNorm into the model, and restore after the machine is made.
func Weights(m checkpoint.Model) Part { return tensors{weightsKey, m, true} }

// Tensors saves any other named tensors to name.safetensors, such as an average of the
// weights. See [State] for what a name may be.
func Tensors(name string, m checkpoint.Model) Part { return tensors{name, m, false} }

type tensors struct {
	name    string
	m       checkpoint.Model
	weights bool
}

func (t tensors) key() string            { return t.name }
func (t tensors) named(name string) Part { return tensors{name, t.m, t.weights} }

func (t tensors) capture(c *capture) error { return c.tensors(t.name, t.m) }

func (t tensors) stage(ctx context.Context, from *saved) (func() error, error) {
	f, err := from.open(t.name)
	if err != nil {
		return nil, err
	}
	staged, err := t.match(ctx, f, from.renames)
	if err != nil {
		return nil, fmt.Errorf("part %q: %w", t.name, err)
	}
	from.report(t.name, staged.Report())
	return func() error {
		_, err := staged.Commit()
		return err
	}, nil
}

// match stages the load by the plan of renames, if there is one. It is made for weights; other
// tensors, whose names may be the weights' or not, are tried without it first.
func (t tensors) match(ctx context.Context, f *safetensors.File, plan *checkpoint.Renames) (*checkpoint.Staged, error) {
	if plan == nil {
		staged, err := checkpoint.StageModel(ctx, f, t.m, nil)
		return staged, t.proposing(err, f)
	}
	if !t.weights {
		staged, err := checkpoint.StageModel(ctx, f, t.m, nil)
		if !errors.Is(err, checkpoint.ErrMismatch) {
			return staged, err
		}
	}
	return checkpoint.StageModel(ctx, f, t.m, plan.LoadOptions(nil))
}

// proposing adds to a mismatch the plan that would bring names together.
func (t tensors) proposing(err error, f *safetensors.File) error {
	if !errors.Is(err, checkpoint.ErrMismatch) {
		return err
	}
	plan, planErr := checkpoint.ProposeRenames(f, t.m, nil)
	if planErr != nil {
		return err // the plan is advice only
	}
	return fmt.Errorf("%w\n\nIf names have changed, review this plan and give it to Options.Renames:\n\n%s", err, plan)
}
