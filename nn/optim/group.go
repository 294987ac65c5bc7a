package optim

// This file is groups of parameters with settings of their own.

import (
	"errors"
	"fmt"
	"slices"
)

// A Group gives some parameters settings of their own. Those in no group have the options as they
// are; no parameter may be in two.
//
//	Groups: []optim.Group[optim.AdamWOptions]{{
//		Match: func(name string) bool { return strings.HasSuffix(name, "bias") },
//		Set:   func(o *optim.AdamWOptions) { o.WeightDecay = 0 },
//	}}
type Group[O any] struct {
	// Names are parameters of the group. Each must exist.
	Names []string
	// Match chooses parameters by name, beside Names. It must match at least one.
	Match func(name string) bool
	// Set changes the options for the group, in which defaults have taken the place of zeros: a zero that
	// it sets is a zero. Clipping is of all parameters together, and cannot be changed.
	Set func(o *O)
}

// assign says for each parameter which group it is in, 0 for none.
func assign[O any](ps *params, groups []Group[O]) ([]int, error) {
	of := make([]int, len(ps.list))
	for g, group := range groups {
		found, err := group.members(ps)
		if err != nil {
			return nil, inGroup(g+1, err)
		}
		for _, i := range found {
			if of[i] != 0 {
				return nil, fmt.Errorf("parameter %q is in group %d and in group %d", ps.list[i].name, of[i], g+1)
			}
			of[i] = g + 1
		}
	}
	return of, nil
}

func (g Group[O]) members(ps *params) ([]int, error) {
	if len(g.Names) == 0 && g.Match == nil {
		return nil, errors.New("neither Names nor Match")
	}
	var found []int
	for _, name := range g.Names {
		i, ok := ps.index[name]
		if !ok {
			return nil, fmt.Errorf("no parameter has the name %q", name)
		}
		found = append(found, i)
	}
	matched := 0
	for i, p := range ps.list {
		if g.Match != nil && g.Match(p.name) {
			found = append(found, i)
			matched++
		}
	}
	if g.Match != nil && matched == 0 {
		return nil, fmt.Errorf("Match chooses none of the %d parameters", len(ps.list))
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
