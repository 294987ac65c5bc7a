package nn

// This file gives names to the tensors of a model, and their first values.

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Scope is a place in the tree of a model's names. Layers are built in a scope: [NewLinear]
// in the scope "fc" makes "fc.weight" and "fc.bias". Scopes of one model share everything but
// their prefix.
//
// A Scope is a checkpoint.Model of all that is below it, under names relative to it.
type Scope struct {
	*model
	prefix string // with a dot at its end, or empty
	values Values
}

// model is what all scopes of one model share.
type model struct {
	dtype  tensor.Dtype
	params []*Param // in the order in which they were made
	names  []entry  // in the same order, ties among them
	taken  map[string]*Param
	err    error
}

type entry struct {
	name  string
	param *Param
}

// Values gives a parameter or buffer its first values: a dense row-major tensor of that dtype
// and shape, which then belongs to the model. init is what the layer would begin with.
type Values func(name string, dt tensor.Dtype, shape tensor.Shape, init Init) (*tensor.Dense, error)

// NewScope returns the root of a new model of float32 numbers. Each parameter begins as its layer says,
// from a random source of its own, made of the seed and its name: a model gets the same values
// in any order of building, and those of one layer do not depend on other layers.
func NewScope(seed uint64) *Scope { return NewScopeOf(tensor.Float32, Seeded(seed)) }

// NewScopeOf returns the root of a new model of numbers of type dt, [tensor.Float32] or
// [tensor.Float64], whose values come from where the caller says.
func NewScopeOf(dt tensor.Dtype, values Values) *Scope {
	s := &Scope{model: &model{dtype: dt, taken: map[string]*Param{}}, values: values}
	if dt != tensor.Float32 && dt != tensor.Float64 {
		s.fail("", fmt.Errorf("a model of %v: want float32 or float64", dt))
	}
	return s
}

// Sub is the scope of that name below s. The name may have dots.
func (s *Scope) Sub(name string) *Scope {
	if err := checkName(name); err != nil {
		s.fail(name, err)
	}
	return &Scope{s.model, s.prefix + name + ".", s.values}
}

// Index is the scope of an element of a list: "layers.0", as in PyTorch's ModuleList and
// Sequential.
func (s *Scope) Index(i int) *Scope { return s.Sub(strconv.Itoa(i)) }

// Using is the same scope for layers that take their first values from elsewhere, such as from a
// file: take is called for each tensor with its name relative to s, as with the method Take of a
// checkpoint.Lender. So a body comes from a file while the head beside it is seeded:
//
//	body := newBody(s.Sub("body").Using(lender.Take))
//	head := nn.NewLinear(s.Sub("head"), 384, 2, nil)
func (s *Scope) Using(take func(name string, dt tensor.Dtype, shape tensor.Shape) (*tensor.Dense, error)) *Scope {
	return &Scope{s.model, s.prefix, func(name string, dt tensor.Dtype, shape tensor.Shape, _ Init) (*tensor.Dense, error) {
		return take(strings.TrimPrefix(name, s.prefix), dt, shape)
	}}
}

// Dtype is the type of the model's numbers.
func (s *Scope) Dtype() tensor.Dtype { return s.dtype }

// Err is the first error of building the model, or nil.
func (s *Scope) Err() error { return s.err }

// Param makes a parameter.
func (s *Scope) Param(name string, init Init, shape ...int) *Param {
	return s.add(name, s.dtype, init, shape, false)
}

// Buffer makes a tensor of the model's dtype that belongs to the state and is not trained.
func (s *Scope) Buffer(name string, init Init, shape ...int) *Param {
	return s.add(name, s.dtype, init, shape, true)
}

// Counter makes a buffer that is one int64, a tensor of shape (), and begins at zero.
func (s *Scope) Counter(name string) *Param {
	return s.add(name, tensor.Int64, Zeros, nil, true)
}

// Tie gives p a second name: the tensor is one, in memory, in training and in files.
func (s *Scope) Tie(name string, p *Param) {
	s.register(name, p)
}

func (s *Scope) add(name string, dt tensor.Dtype, init Init, shape tensor.Shape, buffer bool) *Param {
	full := s.prefix + name
	p := &Param{name: full, buffer: buffer}
	value, err := s.first(full, dt, shape, init)
	if err != nil {
		s.fail(name, err)
		value = tensor.New(tensor.Of(dt), tensor.WithShape(1)) // so that building goes on to its end
	}
	p.value = value
	if s.register(name, p) {
		s.params = append(s.params, p)
	}
	return p
}

func (s *Scope) first(name string, dt tensor.Dtype, shape tensor.Shape, init Init) (*tensor.Dense, error) {
	if s.err != nil {
		return nil, s.err
	}
	if slices.ContainsFunc(shape, func(n int) bool { return n <= 0 }) {
		return nil, fmt.Errorf("shape %v: every dimension must be above 0", shape)
	}
	v, err := s.values(name, dt, shape, init)
	switch {
	case err != nil:
		return nil, err
	case v.Dtype() != dt || !slices.Equal(v.Shape(), shape):
		return nil, fmt.Errorf("got values of %v %v, want %v %v", v.Dtype(), v.Shape(), dt, shape)
	}
	return v, nil
}

func (s *Scope) register(name string, p *Param) bool {
	full := s.prefix + name
	if err := checkName(name); err != nil {
		s.fail(name, err)
		return false
	}
	if s.taken[full] != nil {
		s.fail(name, errors.New("the name is used twice"))
		return false
	}
	s.taken[full] = p
	s.names = append(s.names, entry{full, p})
	return true
}

func checkName(name string) error {
	if name == "" || slices.Contains(strings.Split(name, "."), "") {
		return fmt.Errorf("%q is no name: want segments joined by dots", name)
	}
	return nil
}

// fail keeps the first error.
func (s *Scope) fail(name string, err error) {
	if s.err == nil {
		s.err = fmt.Errorf("nn: %q: %w", s.prefix+name, err)
	}
}

// StateDict yields all parameters and buffers below s, each under all of its names.
func (s *Scope) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	return func(yield func(string, gorgonia.Valuer) bool) {
		for _, e := range s.names {
			if name, ok := strings.CutPrefix(e.name, s.prefix); ok && !yield(name, e.param) {
				return
			}
		}
	}
}

// Params are the parameters below s, frozen ones too, without buffers, in the order in which
// they were made.
func (s *Scope) Params() []*Param {
	var found []*Param
	for _, p := range s.params {
		if !p.buffer && strings.HasPrefix(p.name, s.prefix) {
			found = append(found, p)
		}
	}
	return found
}

// Named finds a parameter or buffer by one of its names, relative to s.
func (s *Scope) Named(name string) (*Param, bool) {
	p, ok := s.taken[s.prefix+name]
	return p, ok
}

// Freeze freezes every parameter below s: see [Param.Freeze].
func (s *Scope) Freeze() {
	for _, p := range s.Params() {
		p.Freeze()
	}
}

// path is the name of s, for errors.
func (s *Scope) path() string { return strings.TrimSuffix(s.prefix, ".") }
