package optim

// This file is parameters, found by name, and the blocks of their memory.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
	"github.com/fb777929/kibisis/nn/internal/workers"
)

// params is all parameters that one Step changes.
type params struct {
	list   []*param
	index  map[string]int
	blocks []block
	round  int64 // counts calls of read
}

// A param is a parameter: exactly one of f32 and f64 is not nil.
type param struct {
	name  string
	owner gorgonia.Valuer
	shape tensor.Shape
	f32   *memory[float32]
	f64   *memory[float64]
	seen  int64 // the last round that had it
}

// memory is the elements of a parameter.
type memory[T kernel.Float] struct {
	w      []T
	slots  [most][]T
	scalar bool // a *gorgonia.F32 or *gorgonia.F64

	// Of the Step in progress.
	g  []T
	up bool // g is added up over runs, and to be cleared
}

// A block is a part of a parameter that one core updates in one go.
type block struct{ param, begin, end int }

// blockSize is the elements of a block: few enough that a parameter, its gradient and its slots
// stay in the cache of a core while it is at them.
const blockSize = 1 << 14

type named interface{ Name() string }

// newParams takes the memory of values. Names must be there and differ, and no two parameters
// may share memory.
func newParams(values []gorgonia.ValueGrad) (*params, error) {
	if len(values) == 0 {
		return nil, errors.New("no parameters")
	}
	ps := &params{index: map[string]int{}}
	for i, v := range values {
		name, err := nameOf(i, v)
		if err != nil {
			return nil, err
		}
		if _, ok := ps.index[name]; ok {
			return nil, fmt.Errorf("two parameters of the name %q", name)
		}
		p, err := newParam(name, v)
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		ps.index[name] = len(ps.list)
		ps.list = append(ps.list, p)
		for begin := 0; begin < p.len(); begin += blockSize {
			ps.blocks = append(ps.blocks, block{i, begin, min(p.len(), begin+blockSize)})
		}
	}
	return ps, ps.checkOverlap()
}

func nameOf(i int, v gorgonia.ValueGrad) (string, error) {
	n, ok := v.(named)
	if !ok || isNil(v) {
		return "", fmt.Errorf("parameter %d is a %T: want one with a name", i, v)
	}
	name := n.Name()
	if name == "" {
		return "", fmt.Errorf("parameter %d has no name", i)
	}
	return name, nil
}

func newParam(name string, owner gorgonia.Valuer) (*param, error) {
	p, v := &param{name: name, owner: owner}, owner.Value()
	var err error
	if p.f32, p.f64, err = elements(v); err != nil {
		return nil, err
	}
	p.shape = v.Shape().Clone()
	return p, nil
}

func (p *param) len() int {
	if p.f32 != nil {
		return len(p.f32.w)
	}
	return len(p.f64.w)
}

// checkOverlap refuses parameters that are one memory under two names: they would be
// updated twice.
func (ps *params) checkOverlap() error {
	order := slices.Clone(ps.list)
	slices.SortStableFunc(order, func(a, b *param) int {
		x, _ := a.span()
		y, _ := b.span()
		if x < y {
			return -1
		}
		if x > y {
			return 1
		}
		return 0
	})
	var last *param
	for _, p := range order {
		if p.len() == 0 {
			continue
		}
		if last != nil {
			_, end := last.span()
			if begin, _ := p.span(); begin < end {
				return fmt.Errorf("parameters %q and %q share memory: give a tied parameter once", last.name, p.name)
			}
		}
		last = p
	}
	return nil
}

// read takes the gradients of values, which must be exactly the parameters.
func (ps *params) read(values []gorgonia.ValueGrad) error {
	ps.round++
	for i, v := range values {
		name, err := nameOf(i, v)
		if err != nil {
			return err
		}
		at, ok := ps.index[name]
		if !ok {
			return fmt.Errorf("parameter %q is unknown: it was not there when the solver was made", name)
		}
		p := ps.list[at]
		if p.seen == ps.round {
			return fmt.Errorf("parameter %q is there twice", name)
		}
		p.seen = ps.round
		if err := p.read(v); err != nil {
			return fmt.Errorf("parameter %q: %w", name, err)
		}
	}
	return ps.checkSeen()
}

func (ps *params) checkSeen() error {
	var missing []string
	for _, p := range ps.list {
		if p.seen != ps.round {
			missing = append(missing, fmt.Sprintf("%q", p.name))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("of the %d parameters %d are missing: %s", len(ps.list), len(missing), strings.Join(missing, ", "))
	}
	return nil
}

// run does all blocks, on all cores.
func (ps *params) run(f32 func(*memory[float32], block), f64 func(*memory[float64], block)) {
	workers.Run(len(ps.blocks), func(i int) {
		b := ps.blocks[i]
		if p := ps.list[b.param]; p.f32 != nil {
			f32(p.f32, b)
		} else {
			f64(p.f64, b)
		}
	})
}

// forget lets go of gradients.
func (ps *params) forget() {
	for _, p := range ps.list {
		if p.f32 != nil {
			p.f32.g = nil
		} else {
			p.f64.g = nil
		}
	}
}

func (m *memory[T]) update(b block, f update[T]) {
	slots := m.slots
	for i, s := range slots {
		if s != nil {
			slots[i] = s[b.begin:b.end]
		}
	}
	g := m.g[b.begin:b.end]
	f(m.w[b.begin:b.end], g, slots)
	if m.up {
		clear(g)
	}
}
