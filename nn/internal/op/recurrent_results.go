package op

// This file is taking apart the results of recurrent ops.

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Joined is the first steps moments of one or more results (B, moments, H), side by side:
// (B, steps, H times their number).
func Joined(t *Tape, steps int, results ...*gorgonia.Node) (*gorgonia.Node, error) {
	k := joining{results: len(results), steps: steps, hidden: results[0].Shape()[2]}
	k.batch, k.moments = results[0].Shape()[0], results[0].Shape()[1]
	if k.results == 1 && k.moments == k.steps {
		return results[0], nil
	}
	shape := tensor.Shape{k.batch, steps, k.results * k.hidden}
	return Apply(t, shape, joined[float32](k), joined[float64](k), results...)
}

type joining struct{ results, batch, steps, moments, hidden int }

// each calls f for each row of each result that is joined, and where it is in the joint one.
func (k joining) each(f func(result, at, joint int)) {
	for b := range k.batch {
		for step := range k.steps {
			for i := range k.results {
				f(i, (b*k.moments+step)*k.hidden, ((b*k.steps+step)*k.results+i)*k.hidden)
			}
		}
	}
}

func joined[T kernel.Float](k joining) Function[T] {
	return Function[T]{
		Name: "join",
		Forward: func(c *Call[T]) error {
			k.each(func(i, at, joint int) { copy(c.Out[joint:joint+k.hidden], c.In[i][at:]) })
			return nil
		},
		Backward: func(c *Call[T]) error {
			for _, dx := range c.DIn {
				clear(dx) // for the rows after the moments
			}
			k.each(func(i, at, joint int) {
				if dx := c.DIn[i]; dx != nil {
					copy(dx[at:at+k.hidden], c.Grad[joint:])
				}
			})
			return nil
		},
	}
}

// Rows is the row at[i] of each element of the batch in the i-th result (B, moments, H):
// (results, B, H).
func Rows(t *Tape, at []int, results ...*gorgonia.Node) (*gorgonia.Node, error) {
	s := results[0].Shape()
	k := rows{at: at, batch: s[0], moments: s[1], hidden: s[2]}
	shape := tensor.Shape{len(results), k.batch, k.hidden}
	return Apply(t, shape, takeRows[float32](k), takeRows[float64](k), results...)
}

type rows struct {
	at                     []int
	batch, moments, hidden int
}

// each calls f for each row that is taken, and where it is in what is taken.
func (k rows) each(f func(result, at, taken int)) {
	for i, moment := range k.at {
		for b := range k.batch {
			f(i, (b*k.moments+moment)*k.hidden, (i*k.batch+b)*k.hidden)
		}
	}
}

func takeRows[T kernel.Float](k rows) Function[T] {
	return Function[T]{
		Name: "rows",
		Forward: func(c *Call[T]) error {
			k.each(func(i, at, taken int) { copy(c.Out[taken:taken+k.hidden], c.In[i][at:]) })
			return nil
		},
		Backward: func(c *Call[T]) error {
			for _, dx := range c.DIn {
				clear(dx)
			}
			k.each(func(i, at, taken int) {
				if dx := c.DIn[i]; dx != nil {
					copy(dx[at:at+k.hidden], c.Grad[taken:])
				}
			})
			return nil
		},
	}
}
