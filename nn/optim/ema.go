package optim

// This file is averages of weights.

import (
	"errors"
	"fmt"
	"iter"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// An EMA is an exponential moving average of parameters, which is often the better model: that of
// torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn. Call Update after each Step of
// the solver, and Swap around evaluations:
//
//	if err := ema.Swap(); err != nil { ... } // the model is the average now
//	evaluate()
//	if err := ema.Swap(); err != nil { ... } // and is itself again
//
// What is no parameter, such as the running statistics of a batch normalisation, is not averaged and stays
// the model's. The whole state, with the count of updates, is in StateDict: with package runs,
// runs.Tensors("ema", ema) saves it. Its methods are for one goroutine at a time.
type EMA struct {
	params  *params
	decay   float64
	count   *gorgonia.I64 // n_averaged
	slots   []namedSlot
	swapped bool
}

// countName is PyTorch's, of a buffer of AveragedModel.
const countName = "n_averaged"

// NewEMA makes an average that has the parameters' values until the first Update. decay is how much
// of it stays at each Update, 0 to 1; 0.999 is usual. What params may be is as in NewSGD; their
// gradients are not looked at.
func NewEMA(params []gorgonia.ValueGrad, decay float64) (*EMA, error) {
	if !(decay >= 0 && decay <= 1) {
		return nil, fmt.Errorf("optim: ema: decay %g: want 0 to 1", decay)
	}
	ps, err := newParams(params)
	if err != nil {
		return nil, fmt.Errorf("optim: ema: %w", err)
	}
	if _, ok := ps.index[countName]; ok {
		return nil, fmt.Errorf("optim: ema: a parameter has the name %q, which is that of the count of updates", countName)
	}
	e := &EMA{params: ps, decay: decay, count: gorgonia.NewI64(0)}
	for _, p := range ps.list {
		average := p.allocate([]slot{{}})[0]
		average.name = p.name
		e.slots = append(e.slots, average)
	}
	e.slots = append(e.slots, namedSlot{countName, held{e.count}})
	e.move(0)
	return e, nil
}

// Update moves the average towards the parameters: average = decay*average + (1-decay)*w. The first
// one makes it equal to them. It is an error while the two are swapped, and if a parameter's
// value is in another memory than when the average was made; then nothing is changed.
func (e *EMA) Update() error {
	if err := e.check(); err != nil {
		return fmt.Errorf("optim: ema: update: %w", err)
	}
	if e.swapped {
		return errors.New("optim: ema: update: the average is swapped in: Swap first")
	}
	if *e.count == 0 {
		e.move(0)
	} else {
		e.move(e.decay)
	}
	*e.count++
	return nil
}

func (e *EMA) move(decay float64) {
	e.params.run(
		func(m *memory[float32], b block) {
			kernel.Lerp(m.slots[0][b.begin:b.end], m.w[b.begin:b.end], 1-decay)
		},
		func(m *memory[float64], b block) {
			kernel.Lerp(m.slots[0][b.begin:b.end], m.w[b.begin:b.end], 1-decay)
		},
	)
}

func (e *EMA) check() error {
	for _, p := range e.params.list {
		var err error
		if v := p.owner.Value(); p.f32 != nil {
			err = checkValue(p, p.f32, v)
		} else {
			err = checkValue(p, p.f64, v)
		}
		if err != nil {
			return fmt.Errorf("parameter %q: %w", p.name, err)
		}
	}
	return nil
}

// Swap exchanges the parameters and their average, byte for byte and in place, so that every
// graph and compiled machine sees it; a second Swap changes them back. In between, nothing may train or be
// saved: a solver would step on the average, and a file of the weights would hold it. A save of the
// EMA itself is an error then, and with it the checkpoint that it is a part of.
func (e *EMA) Swap() error {
	if err := e.check(); err != nil {
		return fmt.Errorf("optim: ema: swap: %w", err)
	}
	e.params.run(
		func(m *memory[float32], b block) {
			kernel.Swap(m.w[b.begin:b.end], m.slots[0][b.begin:b.end])
		},
		func(m *memory[float64], b block) {
			kernel.Swap(m.w[b.begin:b.end], m.slots[0][b.begin:b.end])
		},
	)
	e.swapped = !e.swapped
	return nil
}

// swappedIn stands for an average that is where the parameter should be. It has no value, which
// no save takes.
type swappedIn struct{}

func (swappedIn) Value() gorgonia.Value { return nil }

// StateDict yields the averages, under the names of the parameters, so that the file is one of a
// model, and n_averaged. The values are the live ones: loading writes into them. While parameters and
// averages are swapped, what it yields has no value, so that saving and loading fail.
func (e *EMA) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	return func(yield func(string, gorgonia.Valuer) bool) {
		if !e.swapped {
			yieldAll(e.slots, yield)
			return
		}
		for _, s := range e.slots {
			if !yield(s.name, swappedIn{}) {
				return
			}
		}
	}
}
