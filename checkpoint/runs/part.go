package runs

// This file is the pieces of a state: what a Part must be able to do, and how pieces are told
// apart.

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// A Part is a piece of the state that a run saves and restores. Make one with [Weights],
// [Solver], [Tensors] or [State]; [Named] gives it another name.
type Part interface{ part }

type part interface {
	// key is unique among the parts of a run. It is the name of the part's files and of its
	// entry in state.json, and so part of the format.
	key() string
	// named is the same part under another key.
	named(name string) Part
	// capture says what there is to save, without copying tensors. It is called on the
	// goroutine of the training loop, between two steps.
	capture(c *capture) error
	// stage checks everything about what is to be restored, and changes nothing. apply
	// brings it into the live state.
	stage(ctx context.Context, from *saved) (apply func() error, err error)
}

// Named gives a part a name of its own, so that a run can have several of one kind: the
// weights of a generator and of a discriminator. The weights of Named("generator", Weights(m))
// are in generator.safetensors. The name is part of the format. See [State] for what a name
// may be.
func Named(name string, p Part) Part {
	if p == nil {
		return nil // which is refused where parts are bound
	}
	return p.named(name)
}

// partName is what names of parts look like. They are names of files, on any system.
var partName = regexp.MustCompile(`\A[a-z][a-z0-9_-]{0,63}\z`)

// reservedNames are files that are no part's.
var reservedNames = []string{"state", "manifest", "pinned", "recorded"}

// checkParts refuses parts that could not be told apart.
func checkParts(parts []Part) error {
	var errs []error
	seen := map[string]bool{}
	for i, p := range parts {
		if p == nil {
			errs = append(errs, fmt.Errorf("part %d of %d is nil", i+1, len(parts)))
			continue
		}
		switch key := p.key(); {
		case !partName.MatchString(key) || slices.Contains(reservedNames, key):
			errs = append(errs, fmt.Errorf("a part cannot be called %q: want a small letter, then small letters, digits, dashes and underscores, at most 64, and none of %q", key, reservedNames))
		case seen[key]:
			errs = append(errs, fmt.Errorf("two parts are called %q: give one another name with runs.Named", key))
		default:
			seen[key] = true
		}
	}
	if len(parts) == 0 {
		errs = append(errs, errors.New("no parts: pass what is to be saved, such as runs.Weights(model)"))
	}
	return errors.Join(errs...)
}
