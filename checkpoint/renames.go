package checkpoint

// This file is a plan of renames, and what it means for a load.
// renames_text.go writes and reads it, renames_propose.go makes one.

import (
	"cmp"
	"fmt"
	"slices"
)

// Renames says which tensor of a file belongs to which parameter of a model, where
// their names differ, and what only one of them has. It is a text to be reviewed,
// kept beside the program and replayed:
//
//	# kibisis renames 1
//	# model parameter <- tensor in the file
//	fc1.weight <- classifier.weight # the only F32 [10 784] on both sides
//	head.bias  <- -                 # not in the file: keeps its initial value
//	-          <- aux.weight        # in the file only: passed over
//
// Names with spaces or signs in them are in the quotes of Go. Nothing that is not
// said here passes: what the plan leaves open is an error of the load, as it is
// without. Renames do not change, and may be used by several goroutines.
type Renames struct {
	entries  []rename // sorted by param, then by stored
	byParam  map[string]string
	byStored map[string]string
	open     []openRename // sorted; commented out in the text
	notes    []string     // differences that renaming does not help
}

// A rename is one line. Without param, the model lacks stored (which may be the name
// ""); with param and without stored, the file lacks param.
type rename struct {
	param, stored string
	why           string
}

// An openRename is what the plan does not decide: a parameter and tensors that it
// may be, or a tensor that is among those of some parameter.
type openRename struct {
	param      string
	candidates []rename
}

// newRenames sorts entries and indexes them.
func newRenames(entries []rename) *Renames {
	r := &Renames{entries: entries, byParam: map[string]string{}, byStored: map[string]string{}}
	slices.SortStableFunc(r.entries, func(a, b rename) int {
		return cmp.Or(compareEmptyLast(a.param, b.param), compareEmptyLast(a.stored, b.stored))
	})
	for _, e := range r.entries {
		if e.param != "" {
			r.byParam[e.param] = e.stored
		}
		if e.param == "" || e.stored != "" {
			r.byStored[e.stored] = e.param
		}
	}
	return r
}

func compareEmptyLast(a, b string) int {
	if (a == "") != (b == "") {
		return cmp.Compare(len(b), len(a))
	}
	return cmp.Compare(a, b)
}

// Undecided lists the parameters that have no place in the plan because several
// tensors, or none that fits, may be theirs. Replaying it fails until somebody
// decides.
func (r *Renames) Undecided() []string {
	var names []string
	for _, o := range r.open {
		if o.param != "" {
			names = append(names, o.param)
		}
	}
	return names
}

// Param gives the parameter of the model that a tensor of the file belongs to: by
// the plan, else the one of that name. ok is false for what the plan passes over, and
// for a name that in the model is another tensor's. What a name is part of (such as a
// slot of an optimizer) can be renamed by it.
func (r *Renames) Param(stored string) (param string, ok bool) {
	if param, ok := r.byStored[stored]; ok {
		return param, param != ""
	}
	if r.byParam[stored] != "" {
		return "", false
	}
	return stored, true
}

// LoadOptions gives a copy of o, which may be nil, for a load by the plan. Parameters
// are looked for under the names it gives, otherwise as o.Stored says. Those without
// a tensor may be missing and tensors without a parameter may be unexpected, those
// and no others. A plan that names a parameter that the model lacks, or gives to two
// parameters one tensor, is a *ModelError of the load.
func (r *Renames) LoadOptions(o *LoadOptions) *LoadOptions {
	var c LoadOptions
	if o != nil {
		c = *o
	}
	before := c.Stored
	c.Stored = func(param string) Stored {
		var s Stored
		if before != nil {
			s = before(param)
		}
		s.Name = cmp.Or(r.byParam[param], s.Name)
		return s
	}
	c.renames = append(slices.Clip(c.renames), r)
	return &c
}

// mayMiss reports whether a plan says that the file lacks one of params.
func (o *LoadOptions) mayMiss(params []*param) bool {
	return o.AllowMissing || slices.ContainsFunc(o.renames, func(r *Renames) bool {
		return slices.ContainsFunc(params, func(p *param) bool {
			stored, ok := r.byParam[p.name]
			return ok && stored == ""
		})
	})
}

// mayPass reports whether a plan says that the model lacks a tensor.
func (o *LoadOptions) mayPass(stored string) bool {
	return o.AllowUnexpected || slices.ContainsFunc(o.renames, func(r *Renames) bool {
		param, ok := r.byStored[stored]
		return ok && param == ""
	})
}

// checkRenames refuses plans that are not for this model.
func (o *LoadOptions) checkRenames(all []placed) error {
	var problems []Problem
	for _, r := range o.renames {
		problems = append(problems, r.check(all)...)
	}
	if len(problems) > 0 {
		return newModelError(problems)
	}
	return nil
}

func (r *Renames) check(all []placed) (problems []Problem) {
	have := make(map[string]bool, len(all))
	for _, p := range all {
		have[p.name] = true
		if to := r.byStored[p.stored.Name]; to != "" && to != p.name {
			problems = append(problems, Problem{p.name, fmt.Sprintf("stored as %q, which the renames give to %q", p.stored.Name, to)})
		}
	}
	for _, e := range r.entries {
		if e.param != "" && !have[e.param] {
			problems = append(problems, Problem{e.param, "in the renames, not in the model"})
		}
	}
	return problems
}
