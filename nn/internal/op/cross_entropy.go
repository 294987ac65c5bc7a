package op

// This file is the losses of classifiers.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Classes is how the loss of a classifier is computed.
type Classes struct {
	Ignore    int       // the label of rows that do not count
	Smoothing float64   // in CrossEntropy
	Weight    []float64 // of each class, or nil
	Sum       bool      // and not the mean
}

// CrossEntropy is the scalar loss of logits (..., V) and labels (...).
func CrossEntropy(t *Tape, logits, labels *gorgonia.Node, o Classes) (*gorgonia.Node, error) {
	rows, classes, err := o.check(logits, labels)
	if err != nil {
		return nil, err
	}
	return Apply(t, tensor.Shape{},
		crossEntropy(&kernel.CrossEntropy[float32]{Rows: rows, Classes: classes, Ignore: o.Ignore, Smoothing: o.Smoothing, Weight: floats[float32](o.Weight), Sum: o.Sum}, labels.Shape()),
		crossEntropy(&kernel.CrossEntropy[float64]{Rows: rows, Classes: classes, Ignore: o.Ignore, Smoothing: o.Smoothing, Weight: floats[float64](o.Weight), Sum: o.Sum}, labels.Shape()),
		logits, labels)
}

func crossEntropy[T kernel.Float](k *kernel.CrossEntropy[T], shape tensor.Shape) Function[T] {
	return Function[T]{
		Name: "cross_entropy",
		Forward: func(c *Call[T]) error {
			if err := inRange("label", c.Index[1], shape, k.Classes, k.Ignore); err != nil {
				return err
			}
			c.Out[0] = k.Forward(c.In[0], c.Index[1])
			return nil
		},
		Backward: func(c *Call[T]) error {
			k.Backward(c.DIn[0], c.In[0], c.Index[1], c.Grad[0])
			return nil
		},
	}
}

// NLL is the scalar loss of logarithms of probabilities (..., V) and labels (...).
func NLL(t *Tape, logs, labels *gorgonia.Node, o Classes) (*gorgonia.Node, error) {
	rows, classes, err := o.check(logs, labels)
	if err != nil {
		return nil, err
	}
	return Apply(t, tensor.Shape{},
		nll(&kernel.NLL[float32]{Rows: rows, Classes: classes, Ignore: o.Ignore, Weight: floats[float32](o.Weight), Sum: o.Sum}, labels.Shape()),
		nll(&kernel.NLL[float64]{Rows: rows, Classes: classes, Ignore: o.Ignore, Weight: floats[float64](o.Weight), Sum: o.Sum}, labels.Shape()),
		logs, labels)
}

func nll[T kernel.Float](k *kernel.NLL[T], shape tensor.Shape) Function[T] {
	return Function[T]{
		Name: "nll_loss",
		Forward: func(c *Call[T]) error {
			if err := inRange("label", c.Index[1], shape, k.Classes, k.Ignore); err != nil {
				return err
			}
			c.Out[0] = k.Forward(c.In[0], c.Index[1])
			return nil
		},
		Backward: func(c *Call[T]) error {
			k.Backward(c.DIn[0], c.Index[1], c.Grad[0])
			return nil
		},
	}
}

func (o Classes) check(x, labels *gorgonia.Node) (rows, classes int, err error) {
	if rows, classes, err = lastAxis(x); err != nil {
		return 0, 0, err
	}
	switch {
	case labels.Dtype() != tensor.Int:
		return 0, 0, fmt.Errorf("the labels are of %v: want int", labels.Dtype())
	case !sameShape(labels.Shape(), x.Shape()[:x.Dims()-1]):
		return 0, 0, fmt.Errorf("x is %v and the labels %v: want (..., V) and (...)", x.Shape(), labels.Shape())
	case o.Weight != nil && len(o.Weight) != classes:
		return 0, 0, fmt.Errorf("%d weights for %d classes", len(o.Weight), classes)
	case !(o.Smoothing >= 0 && o.Smoothing <= 1):
		return 0, 0, fmt.Errorf("label smoothing %v: want 0 to 1", o.Smoothing)
	}
	return rows, classes, nil
}

// floats is x in another type, and nil for nil.
func floats[T kernel.Float](x []float64) []T {
	if x == nil {
		return nil
	}
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}
