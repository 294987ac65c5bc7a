package checkpoint

// This file matches a file with a model: which tensor goes where, or every
// difference at once. It reads no data and changes nothing.

import (
	"slices"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// An assignment is one tensor of the file and the memory it goes to.
type assignment struct {
	placed
	names []string // every name of the tie that it is for
	from  safetensors.Tensor
	cast  *CastReport // what converting does; nil where the dtypes are equal
	// overlaps says that other assignments may write to the same memory.
	overlaps bool

	// data is the tensor's bytes, once staged: a view of the mapping or a copy.
	data []byte
}

// A plan is what a load will do.
type plan struct {
	assignments []*assignment // one a tie, sorted by name
	rivals      [][]*assignment
	unbound     []*assignment // those whose values are to be bound after the copy
	report      *Report
}

// A matcher holds what is found on the way to a plan.
type matcher struct {
	f       *safetensors.File
	o       *LoadOptions
	aliases map[string]string
	asked   map[string]bool // tensors of the file that somebody in the model stands for
	wrong   MismatchError
	plan    plan
}

// match makes the plan, or a *MismatchError.
func match(f *safetensors.File, all []placed, o *LoadOptions) (*plan, error) {
	m := &matcher{f: f, o: o, aliases: f.Aliases(), asked: map[string]bool{}}
	m.plan.report = &Report{Aliased: map[string]string{}}
	params, at := make([]*param, len(all)), make(map[*param]placed, len(all))
	for i, p := range all {
		params[i], at[p.param] = p.param, p
		m.asked[p.stored.Name] = true
		if target, ok := m.aliases[p.stored.Name]; ok {
			m.asked[target] = true
		}
	}
	groups := ties(params)
	for _, t := range groups {
		m.tie(t, at)
	}
	m.unexpected()
	if !m.wrong.empty() {
		m.wrong.sort()
		return nil, &m.wrong
	}
	m.plan.findRivals(groups)
	m.plan.report.sort()
	return &m.plan, nil
}

// tie finds what the file has for one tensor of the model. Names that Only leaves
// out serve where the file has none of the others. What it has under several names
// is loaded once, and compared before.
func (m *matcher) tie(t tie, at map[*param]placed) {
	wanted := selected(t, m.o.Only)
	if len(wanted) == 0 {
		return
	}
	found := m.find(wanted, at)
	if len(found) == 0 {
		found = m.find(t, at)
	}
	if len(found) == 0 {
		m.missing(at[wanted[0]], wanted)
		return
	}
	if m.fits(found, wanted) {
		found[0].names = names(t)
		m.add(found, wanted, at)
	}
}

// find looks names up in the file and in its aliases. Names that lead to the same
// bytes in the same way are found once.
func (m *matcher) find(params []*param, at map[*param]placed) []*assignment {
	var found []*assignment
	for _, p := range params {
		name := at[p].stored.Name
		if target, ok := m.aliases[name]; ok {
			name = target
		}
		from, err := m.f.Tensor(name)
		if err != nil {
			continue // ErrNotFound is its only error
		}
		if a := (&assignment{placed: at[p], from: from}); !slices.ContainsFunc(found, a.same) {
			found = append(found, a)
		}
	}
	return found
}

// same reports whether b, of the same tie, is from the same bytes in the same way.
func (a *assignment) same(b *assignment) bool {
	return a.from.Name() == b.from.Name() && slices.Equal(a.stored.Slice, b.stored.Slice) &&
		slices.Equal(a.view.Axes, b.view.Axes) && slices.Equal(a.shape, b.shape)
}

// missing reports a tensor under the first of its names, as the reference does.
func (m *matcher) missing(p placed, wanted []*param) {
	if m.o.mayMiss(wanted) {
		m.plan.report.Missing = append(m.plan.report.Missing, names(wanted)...)
		return
	}
	m.wrong.Missing = append(m.wrong.Missing, Missing{Param: p.name, Stored: p.stored.Name})
}

func names(params []*param) []string {
	s := make([]string, len(params))
	for i, p := range params {
		s[i] = p.name
	}
	return s
}

// fits checks shapes and dtypes of what was found for a tie.
func (m *matcher) fits(found []*assignment, wanted []*param) bool {
	var shapes []ShapeMismatch
	sliced := true
	for _, a := range found {
		if s, ok := a.cut(); !ok {
			shapes = append(shapes, s)
			sliced = sliced && s.Reason == ""
		}
	}
	if len(shapes) > 0 && sliced && m.o.KeepOnShapeMismatch {
		m.plan.report.Kept = append(m.plan.report.Kept, names(wanted)...)
		return false
	}
	m.wrong.Shapes = append(m.wrong.Shapes, shapes...)
	fits := len(shapes) == 0
	for _, a := range found {
		fits = m.converts(a) && fits
	}
	return fits
}

// cut reduces the tensor to the slice asked for, and checks its shape.
func (a *assignment) cut() (ShapeMismatch, bool) {
	wrong := ShapeMismatch{Param: a.name, Stored: a.stored.Name, Want: a.shape}
	if a.stored.Slice != nil {
		part, err := a.from.Slice(a.stored.Slice...)
		if err != nil {
			wrong.Got, wrong.Reason = a.from.Shape(), err.Error()
			return wrong, false
		}
		a.from = part
	}
	wrong.Got = a.from.Shape()
	return wrong, slices.Equal(wrong.Got, a.shape)
}

// converts checks the dtype.
func (m *matcher) converts(a *assignment) bool {
	got := a.from.DType()
	if got == a.dtype {
		return true
	}
	if ok := convertible(got, a.dtype); !ok || m.o.Cast == CastNone {
		m.wrong.DTypes = append(m.wrong.DTypes, DTypeMismatch{a.name, a.stored.Name, got, a.dtype, ok})
		return false
	}
	a.cast = &CastReport{Name: a.name, From: got, To: a.dtype, Elements: a.layout.Elements()}
	return true
}

// add plans to load found[0] into a tie.
func (m *matcher) add(found []*assignment, wanted []*param, at map[*param]placed) {
	a := found[0]
	m.plan.assignments = append(m.plan.assignments, a)
	if len(found) > 1 {
		m.plan.rivals = append(m.plan.rivals, found)
	}
	for _, p := range wanted {
		m.plan.report.Loaded = append(m.plan.report.Loaded, p.name)
		if _, err := m.f.Tensor(at[p].stored.Name); err != nil {
			m.plan.report.Aliased[p.name] = a.from.Name()
		}
	}
	if a.bind != nil {
		m.plan.unbound = append(m.plan.unbound, a)
	}
	m.plan.report.Bytes += a.layout.Elements() * a.width()
}

// unexpected lists the tensors of the file that nobody asked for.
func (m *matcher) unexpected() {
	var free []string
	for name := range m.f.All() {
		if !m.asked[name] {
			free = append(free, name)
		}
	}
	slices.Sort(free)
	guess := newGuesser(free)
	for i := range m.wrong.Missing {
		m.wrong.Missing[i].Near = guess.nearest(m.wrong.Missing[i].Stored)
	}
	for _, name := range free {
		if m.o.mayPass(name) {
			m.plan.report.Unexpected = append(m.plan.report.Unexpected, name)
		} else {
			m.wrong.Unexpected = append(m.wrong.Unexpected, name)
		}
	}
}

// findRivals adds the assignments whose memory overlaps, other than by a tie.
func (p *plan) findRivals(groups []tie) {
	byAddr := make(map[uintptr][]*assignment, len(p.assignments))
	for _, a := range p.assignments {
		byAddr[a.addr()] = append(byAddr[a.addr()], a)
	}
	for _, group := range overlaps(groups) {
		var rivals []*assignment
		for _, t := range group {
			for _, a := range byAddr[t[0].addr()] {
				if identityOfMemory(a.param) == identityOfMemory(t[0]) {
					a.overlaps = true
					rivals = append(rivals, a)
				}
			}
		}
		if len(rivals) > 1 {
			p.rivals = append(p.rivals, rivals)
		}
	}
}
