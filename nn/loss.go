package nn

// This file is losses. Each is a scalar node, of shape ().

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// CrossEntropyOptions change what CrossEntropy is. Nil, or its zero value, is what PyTorch does.
type CrossEntropyOptions struct {
	LabelSmoothing float64   // ε, from 0 to 1 (Szegedy et al. 2016, arXiv 1512.00567)
	IgnoreIndex    *int      // the label of rows that do not count; nil: -100
	Weight         []float64 // of each class, V in all; nil: 1 each. It is copied.
	Sum            bool      // the sum of the rows' losses, and not their mean
}

// CrossEntropy is torch.nn.CrossEntropyLoss of logits (..., V) and int labels (...), whose classes
// are the last axis (PyTorch's are the second). The mean is weighted: it is divided by the sum of
// the weights of the labels. As in PyTorch it is NaN if every label is ignored, for there is
// nothing to take a mean of; the gradient is 0 then. A label that is neither a class nor
// IgnoreIndex is an error of the run.
func CrossEntropy(g *Graph, logits, labels *gorgonia.Node, o *CrossEntropyOptions) *gorgonia.Node {
	if o == nil {
		o = &CrossEntropyOptions{}
	}
	return g.apply("cross entropy", func() (*gorgonia.Node, error) {
		return op.CrossEntropy(g.tape, logits, labels, op.Classes{
			Ignore: orIgnored(o.IgnoreIndex), Smoothing: o.LabelSmoothing, Weight: o.Weight, Sum: o.Sum,
		})
	})
}

// NLLOptions change what NLLLoss is. Nil, or its zero value, is what PyTorch does.
type NLLOptions struct {
	IgnoreIndex *int      // the label of rows that do not count; nil: -100
	Weight      []float64 // of each class, V in all; nil: 1 each. It is copied.
	Sum         bool      // the sum of the rows' losses, and not their mean
}

// NLLLoss is torch.nn.NLLLoss of logarithms of probabilities (..., V), as LogSoftmax gives them,
// and int labels (...). All else is as in CrossEntropy, which is faster than the two.
func NLLLoss(g *Graph, logs, labels *gorgonia.Node, o *NLLOptions) *gorgonia.Node {
	if o == nil {
		o = &NLLOptions{}
	}
	return g.apply("NLL loss", func() (*gorgonia.Node, error) {
		return op.NLL(g.tape, logs, labels, op.Classes{
			Ignore: orIgnored(o.IgnoreIndex), Weight: o.Weight, Sum: o.Sum,
		})
	})
}

func orIgnored(label *int) int {
	if label == nil {
		return -100
	}
	return *label
}

// MSEOptions change what MSELoss is. Nil, or its zero value, is what PyTorch does.
type MSEOptions struct {
	Sum bool // and not the mean over all numbers
}

// MSELoss is torch.nn.MSELoss: the mean of (x - target)², of one shape.
func MSELoss(g *Graph, x, target *gorgonia.Node, o *MSEOptions) *gorgonia.Node {
	if o == nil {
		o = &MSEOptions{}
	}
	return g.apply("MSE loss", func() (*gorgonia.Node, error) { return op.MSE(g.tape, x, target, o.Sum) })
}

// BCEOptions change what BCEWithLogits is. Nil, or its zero value, is what PyTorch does.
type BCEOptions struct {
	PosWeight []float64 // what a target of 1 costs: one number, or one for each of the last axis; nil: 1
	Sum       bool      // and not the mean over all numbers
}

// BCEWithLogits is torch.nn.BCEWithLogitsLoss of logits and targets from 0 to 1, of one shape.
func BCEWithLogits(g *Graph, logits, target *gorgonia.Node, o *BCEOptions) *gorgonia.Node {
	if o == nil {
		o = &BCEOptions{}
	}
	return g.apply("BCE with logits", func() (*gorgonia.Node, error) {
		return op.BCEWithLogits(g.tape, logits, target, o.PosWeight, o.Sum)
	})
}
