package checkpoint

// This file proposes renames: what a strict load would report, and what of it other
// names would mend.

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// ProposeRenames makes a plan of renames for loading f into m, to be reviewed by
// somebody who knows both. o, which may be nil, is as for ReadModel; what it allows to
// be missing or unexpected is in the plan too.
//
// Shapes and dtypes decide first, then the names and where they stand in the tree,
// for all layers of a kind at once. Where several tensors may be meant, the lines
// are there as comments, and replaying fails until one is chosen. What no renaming
// mends, such as another shape, is a comment as well. The model and the file are not
// changed, and no data is read.
func ProposeRenames(f *safetensors.File, m Model, o *LoadOptions) (*Renames, error) {
	params, o, err := targets(m, o)
	if err != nil {
		return nil, err
	}
	strict := *o
	strict.AllowMissing, strict.AllowUnexpected, strict.KeepOnShapeMismatch, strict.renames = false, false, false, nil
	_, err = match(f, params, &strict)
	var wrong *MismatchError
	switch {
	case err == nil:
		return newRenames(nil), nil
	case !errors.As(err, &wrong):
		return nil, fmt.Errorf("checkpoint: renames: %w", err)
	}
	return newProposer(f, params, wrong, o).propose(), nil
}

// A side is what only one of model and file has: dtype and shape by name.
type side map[string]typed

// A typed is what must agree for a tensor to be a parameter's.
type typed struct {
	dtype safetensors.DType
	shape []int
}

func (t typed) String() string { return fmt.Sprintf("%s %v", t.dtype, t.shape) }

// size is the number of elements, or -1 beyond int64.
func (t typed) size() int64 {
	n := int64(1)
	for _, dim := range t.shape {
		if dim > 0 && n > math.MaxInt64/int64(dim) {
			return -1
		}
		n *= int64(dim)
	}
	return n
}

// A proposer turns differences into a plan.
type proposer struct {
	wanted, free side
	// displaced are the wanted that have a tensor of their name, of another shape.
	displaced map[string]ShapeMismatch
	cast      Cast
	scorer    *scorer
	entries   []rename
	notes     []string
	open      []openRename
}

func newProposer(f *safetensors.File, params []placed, wrong *MismatchError, o *LoadOptions) *proposer {
	p := &proposer{wanted: side{}, free: side{}, displaced: map[string]ShapeMismatch{}, cast: o.Cast, scorer: newScorer()}
	at := make(map[string]placed, len(params))
	for _, x := range params {
		at[x.name] = x
	}
	for _, name := range wrong.Unexpected {
		p.addFree(f, name)
	}
	for _, x := range wrong.Missing {
		if at[x.Param].stored.Slice != nil {
			p.notes = append(p.notes, fmt.Sprintf("%s is a slice of a tensor that the file lacks: LoadOptions.Stored says of which", as(x.Param, x.Stored)))
			continue
		}
		p.wanted[x.Param] = typed{at[x.Param].dtype, at[x.Param].shape}
	}
	for _, x := range wrong.Shapes {
		if at[x.Param].stored.Slice != nil {
			p.notes = append(p.notes, x.String())
			continue
		}
		p.displaced[x.Param] = x
		p.wanted[x.Param] = typed{at[x.Param].dtype, at[x.Param].shape}
		p.addFree(f, x.Stored)
	}
	for _, x := range wrong.DTypes {
		p.notes = append(p.notes, x.String())
	}
	return p
}

func (p *proposer) addFree(f *safetensors.File, name string) {
	if t, err := f.Tensor(name); err == nil { // an alias has no data of its own
		p.free[name] = typed{t.DType(), t.Shape()}
	}
}

// propose pairs what it can and says of the rest what it is.
func (p *proposer) propose() *Renames {
	p.pair(layers)
	p.pair(each)
	p.rest()
	r := newRenames(p.entries)
	r.open, r.notes = p.open, p.notes
	return r
}

// pair lets names find each other, in the groups that by makes of them.
func (p *proposer) pair(by grouping) {
	for _, couple := range p.couples(by(p.wanted), by(p.free)) {
		for i, member := range couple.a.members {
			param, stored := member.name, couple.b.members[i].name
			p.entries = append(p.entries, rename{param, stored, couple.why})
			delete(p.wanted, param)
			delete(p.free, stored)
		}
	}
}

// fits reports whether a tensor of the file could be a parameter as it is.
func (p *proposer) fits(stored, param typed) bool {
	return slices.Equal(stored.shape, param.shape) && p.converts(stored, param)
}

func (p *proposer) converts(stored, param typed) bool {
	return stored.dtype == param.dtype || p.cast != CastNone && convertible(stored.dtype, param.dtype)
}

// rest names what found no partner. What has nothing of its size on the other side is
// decided; all else is left open.
func (p *proposer) rest() {
	bySize := map[int64][]string{}
	for _, stored := range slices.Sorted(maps.Keys(p.free)) {
		bySize[p.free[stored].size()] = append(bySize[p.free[stored].size()], stored)
	}
	open := map[int64]bool{}
	for _, param := range slices.Sorted(maps.Keys(p.wanted)) {
		size := p.wanted[param].size()
		candidates := p.candidates(param, bySize[size])
		wrong, displaced := p.displaced[param]
		if displaced {
			p.notes = append(p.notes, wrong.String())
		}
		switch {
		case len(candidates) > 0:
			open[size] = true
			p.open = append(p.open, openRename{param, candidates})
		case !displaced:
			p.entries = append(p.entries, rename{param, "", "not in the file: keeps its initial value"})
		}
	}
	p.others(open)
}

// others names the tensors that are left. They are open where a parameter of the same
// size is.
func (p *proposer) others(open map[int64]bool) {
	asked := map[string]bool{}
	for param, wrong := range p.displaced {
		if _, left := p.wanted[param]; left {
			asked[wrong.Stored] = true
		}
	}
	var others []rename
	for _, stored := range slices.Sorted(maps.Keys(p.free)) {
		switch {
		case asked[stored]: // by a parameter of another shape, still
		case open[p.free[stored].size()]:
			others = append(others, rename{"", stored, p.free[stored].String()})
		default:
			p.entries = append(p.entries, rename{"", stored, "in the file only: passed over"})
		}
	}
	if len(others) > 0 {
		p.open = append(p.open, openRename{"", others})
	}
}

// candidates is what may be a parameter of those with its size, the most alike first:
// tensors that fit, else those that would in another shape or dtype.
func (p *proposer) candidates(param string, sized []string) []rename {
	const looked, most = 200, 8
	var fit, near []rename
	want := p.wanted[param]
	for _, stored := range sized[:min(len(sized), looked)] {
		switch t := p.free[stored]; {
		case p.fits(t, want):
			fit = append(fit, rename{param, stored, t.String()})
		case stored != p.displaced[param].Stored:
			near = append(near, rename{param, stored, fmt.Sprintf("%v, want %v", t, want)})
		}
	}
	if len(fit) == 0 {
		fit = near
	}
	score := make(map[string]float64, len(fit))
	for _, c := range fit {
		score[c.stored] = p.scorer.alike(param, c.stored)
	}
	slices.SortStableFunc(fit, func(a, b rename) int { return cmp.Compare(score[b.stored], score[a.stored]) })
	return fit[:min(len(fit), most)]
}
