package runs

// This file finds out, in the user's own loop, whether all state is saved.

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
)

// ErrSelfTest is the kind of every *SelfTestError.
var ErrSelfTest = errors.New("the run does not resume exactly")

// SelfTestError says where a resumed run left the way of the one that went on.
type SelfTestError struct {
	Step  int      // counted from where the test began; 0: what was restored is not what was saved
	First string   // the first piece that differs: "model: fc1.weight", "data"
	Also  []string // the others that differ at that step
}

func (e *SelfTestError) Error() string {
	where := fmt.Sprintf("after %d steps", e.Step)
	if e.Step == 0 {
		where = "right after it was restored"
	}
	text := fmt.Sprintf("%v: %s differs %s", ErrSelfTest, e.First, where)
	if len(e.Also) > 0 {
		text += fmt.Sprintf(", and so do %d others", len(e.Also))
	}
	return text + ": something that the steps depend on is not among the parts, such as a source of random numbers or the order of the data"
}

// Unwrap returns ErrSelfTest.
func (e *SelfTestError) Unwrap() error { return ErrSelfTest }

// SelfTest saves the state into a temporary folder, runs n steps, restores, runs the same n steps
// again, and compares every bit of the state after each. A difference is a *SelfTestError that names
// the first step and tensor: then something that the steps depend on, such as a source of random
// numbers or the order of the data, is not among the parts. In the end the parts are as they were
// before; what is not among them has moved on by 2*n steps.
//
//	err := runs.SelfTest(ctx, 3, trainOneStep, runs.Weights(model), runs.State("data", sampler))
//
// It takes the time of 2*n steps, and as much room on disk and in memory as the state. Nothing of
// a real run is touched.
func SelfTest(ctx context.Context, n int, step func(context.Context) error, parts ...Part) (err error) {
	if n < 1 {
		return fmt.Errorf("runs: self-test of %d steps: want at least 1", n)
	}
	dir, err := os.MkdirTemp("", "kibisis-selftest-")
	if err != nil {
		return fmt.Errorf("runs: self-test: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, err := Open(dir, &Options{AllowNotFinite: true, Rollbacks: 2, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if _, err := r.Restore(ctx, parts...); err != nil {
		return err
	}
	if err := r.Save(ctx, 0, nil); err != nil {
		return err
	}
	t := &selfTest{r: r, step: step}
	err = t.run(ctx, n)
	_, back := r.Rollback(ctx, Selector{})
	return errors.Join(err, back)
}

// A selfTest compares two ways from one state.
type selfTest struct {
	r    *Run
	step func(context.Context) error
}

func (t *selfTest) run(ctx context.Context, n int) error {
	before, err := t.digests()
	if err != nil {
		return err
	}
	first, err := t.walk(ctx, n)
	if err != nil {
		return err
	}
	if _, err := t.r.Rollback(ctx, Selector{}); err != nil {
		return err
	}
	again, err := t.digests()
	if err != nil {
		return err
	}
	if err := differ(0, before, again); err != nil {
		return err
	}
	second, err := t.walk(ctx, n)
	if err != nil {
		return err
	}
	for i := range n {
		if err := differ(i+1, first[i], second[i]); err != nil {
			return err
		}
	}
	return nil
}

// walk runs n steps and returns the digests after each.
func (t *selfTest) walk(ctx context.Context, n int) ([]digests, error) {
	all := make([]digests, n)
	for i := range all {
		err := t.step(ctx)
		if err == nil {
			all[i], err = t.digests()
		}
		if err != nil {
			return nil, fmt.Errorf("runs: self-test: step %d: %w", i+1, err)
		}
	}
	return all, nil
}

// digests are SHA-256 of all pieces of a state.
type digests map[string][sha256.Size]byte

func (t *selfTest) digests() (digests, error) {
	c, err := newCapture(t.r.parts, newMemo())
	if err != nil {
		return nil, err
	}
	d := digests{}
	for name, raw := range c.entries {
		if c.solvers[name] {
			if raw, err = withoutSettings(raw); err != nil {
				return nil, fmt.Errorf("part %q: %w", name, err)
			}
		}
		d[name] = sha256.Sum256(raw)
	}
	for _, f := range c.files {
		for _, s := range f.src {
			h := sha256.New()
			if s.WriteData != nil {
				err = s.WriteData(h)
			} else {
				_, err = h.Write(s.Data)
			}
			if err != nil {
				return nil, fmt.Errorf("part %q: %s: %w", f.name, s.Name, err)
			}
			d[f.name+": "+s.Name] = [sha256.Size]byte(h.Sum(nil))
		}
	}
	return d, nil
}

// withoutSettings is a solver's entry without what is not restored, such as a learning rate that a
// schedule has set.
func withoutSettings(raw json.RawMessage) (json.RawMessage, error) {
	var s solverState
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	s.Settings = nil
	return json.Marshal(s)
}

// differ says what of two states is not the same.
func differ(step int, a, b digests) error {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if b[name] != a[name] {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(kindOf(a), kindOf(b)) })
	return &SelfTestError{Step: step, First: names[0], Also: names[1:]}
}

// kindOf sorts weights before all else: they show what the others made of them.
func kindOf(name string) string {
	if strings.HasPrefix(name, weightsKey+": ") {
		return ""
	}
	return name
}
