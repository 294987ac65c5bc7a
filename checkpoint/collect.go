package checkpoint

// This file walks a model once and makes a list of it: every name, checked, with
// the memory behind it. Saving and loading both begin here.

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A param is one name of a model.
type param struct {
	name  string
	owner gorgonia.Valuer
	memory
	// bind gives the owner its value, made for it, once the value holds what was
	// loaded; nil where the owner has one.
	bind func() error
}

// shape is the model's own, whatever the file's.
func (p *param) shape() []int { return p.layout.Shape() }

// ErrModel is the kind of every [*ModelError].
var ErrModel = fmt.Errorf("the model cannot be saved or loaded as it is")

// ModelError lists everything that is wrong with a model, or with what options
// say about it, before a file is looked at.
type ModelError struct {
	Problems []Problem // sorted by name
}

// A Problem is one name of a model and what is wrong with it.
type Problem struct {
	Name   string
	Reason string
}

// Error gives the number of problems, and the first of them.
func (e *ModelError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%q: %s", p.Name, p.Reason)
	}
	return fmt.Sprintf("checkpoint: %v: %s", ErrModel, enumerate(len(lines), "problem", lines))
}

// Unwrap returns ErrModel.
func (e *ModelError) Unwrap() error { return ErrModel }

// A survey gathers params and problems.
type survey struct {
	byName   map[string]*param
	nodes    []*gorgonia.Node
	problems []Problem
}

// collect lists the params of m, sorted by name. Names that have no value yet
// get one, bound only when it has been filled.
func collect(m Model) ([]*param, error) {
	if m == nil {
		return nil, &ModelError{[]Problem{{Reason: "no model: nil"}}}
	}
	s := survey{byName: map[string]*param{}}
	for name, v := range stateOf(m) {
		s.add(name, v)
	}
	params := make([]*param, 0, len(s.byName))
	for _, p := range s.byName {
		params = append(params, p)
	}
	slices.SortFunc(params, func(a, b *param) int { return cmp.Compare(a.name, b.name) })
	return params, s.err(params)
}

func (s *survey) err(params []*param) error {
	if len(s.problems) > 0 {
		return newModelError(s.problems)
	}
	if len(params) == 0 {
		return &ModelError{[]Problem{{Reason: "the model has no parameters (a graph's learnable nodes are known only after gorgonia.Grad)"}}}
	}
	return s.batchNorms(params)
}

func newModelError(problems []Problem) error {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Name, b.Name) })
	return &ModelError{problems}
}

// batchNorms refuses a model that leaves behind running statistics of a graph it
// has nodes in.
func (s *survey) batchNorms(params []*param) error {
	have := map[uintptr]bool{}
	for _, p := range params {
		have[p.addr()] = true
	}
	covered := func(t tensor.Tensor) bool {
		d, ok := t.(*tensor.Dense)
		if !ok || d == nil {
			return true // an op without statistics has none to lose
		}
		m, err := denseMemory(d)
		return err == nil && have[m.addr()]
	}
	if missing := uncoveredBatchNorm(s.nodes, covered); len(missing) > 0 {
		return newBatchNormError(missing)
	}
	return nil
}

func (s *survey) add(name string, v gorgonia.Valuer) {
	problem := func(format string, args ...any) {
		s.problems = append(s.problems, Problem{name, fmt.Sprintf(format, args...)})
	}
	if reason := unusable(name); reason != "" {
		problem("%s", reason)
		return
	}
	if v == nil || isNilPointer(v) {
		problem("nil")
		return
	}
	if old := s.byName[name]; old != nil && sameOwner(old.owner, v) {
		return
	}
	p, err := newParam(name, v)
	switch old := s.byName[name]; {
	case err != nil:
		problem("%v", err)
	case old == nil:
		s.byName[name] = p
		if n, ok := v.(*gorgonia.Node); ok {
			s.nodes = append(s.nodes, n)
		}
	case identityOfMemory(old) != identityOfMemory(p) || p.addr() == 0:
		problem("two different tensors of that name")
	}
}

// unusable says why a tensor cannot have that name, or "".
func unusable(name string) string {
	switch {
	case name == "":
		return "no name; give the node one with gorgonia.WithName"
	case name == "__metadata__":
		return "the name is the file format's own"
	case !utf8.ValidString(name):
		return "the name is not UTF-8"
	case strings.HasPrefix(name, "%!s("):
		return "the name that Gorgonia prints for a node without one; use gorgonia.WithName"
	}
	return ""
}

// sameOwner reports whether two Valuers are one.
func sameOwner(a, b gorgonia.Valuer) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

func newParam(name string, v gorgonia.Valuer) (*param, error) {
	p := &param{name: name, owner: v}
	value := v.Value()
	if value == nil || isNilPointer(value) {
		var err error
		if value, err = p.makeValue(); err != nil {
			return nil, err
		}
	}
	var err error
	p.memory, err = memoryOf(value)
	return p, err
}

// A binder is a Valuer that can be given a value.
type binder interface {
	Shape() tensor.Shape
	Dtype() tensor.Dtype
	Bind(gorgonia.Value) error
}

// makeValue makes a value for an owner without one, and the bind that gives it.
func (p *param) makeValue() (gorgonia.Value, error) {
	switch o := p.owner.(type) {
	case *gorgonia.Node:
		if !o.IsVar() {
			return nil, fmt.Errorf("no value, and the node cannot be given one: it is the result of an op")
		}
		if o.Dims() != o.Shape().Dims() {
			return nil, fmt.Errorf("neither value nor shape; give the node one with gorgonia.WithShape")
		}
		value, err := newValue(o.Dtype(), o.Shape())
		p.bind = func() error { return gorgonia.Let(o, value) }
		return value, err
	case binder:
		value, err := newValue(o.Dtype(), o.Shape())
		p.bind = func() error { return o.Bind(value) }
		return value, err
	}
	return nil, fmt.Errorf("no value, and a %T cannot be given one", p.owner)
}

// enumerate prints a count and the first few of items, for messages.
func enumerate(n int, noun string, items []string) string {
	const most = 10
	if n != 1 {
		noun += "s"
	}
	text := fmt.Sprintf("%d %s: %s", n, noun, strings.Join(items[:min(len(items), most)], "; "))
	if len(items) > most {
		text += fmt.Sprintf("; and %d more", len(items)-most)
	}
	return text
}
