package nn

// This file is normalization of channels over a batch.

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// BatchNorm is torch.nn.BatchNorm1d or BatchNorm2d (Ioffe and Szegedy 2015, arXiv 1502.03167): x (N, C),
// (N, C, L) or (N, C, H, W); all else is (C). y = (x - mean) / sqrt(variance + eps) weight + bias.
//
// In a graph that trains, mean and biased variance are those of the batch, and each run moves the
// running mean and variance, which is unbiased there, towards them, in place. In one that
// evaluates they are the running ones as they are when it runs.
type BatchNorm struct {
	Weight *Param // nil without
	Bias   *Param // nil without
	// The buffers are nil without running statistics; then evaluation is as training is.
	RunningMean *Param
	RunningVar  *Param
	Batches     *Param // "num_batches_tracked": an int64
	Eps         float64

	momentum float64
	dims     []int // that x may have
	path     string
}

// BatchNormOptions change what a normalization is. Nil, or its zero value, is what PyTorch does.
type BatchNormOptions struct {
	Eps        float64 // 0: 1e-5
	Momentum   float64 // the share of the newest batch in the running statistics; 0: 0.1
	Cumulative bool    // all batches have one share, as with PyTorch's momentum=None
	NoAffine   bool    // neither weight nor bias
	NoStats    bool    // no running statistics, as with PyTorch's track_running_stats=False
}

// NewBatchNorm1d makes s's "weight" of ones, "bias" of zeros, "running_mean", "running_var" and
// "num_batches_tracked", for x (N, C) or (N, C, L).
func NewBatchNorm1d(s *Scope, channels int, o *BatchNormOptions) *BatchNorm {
	return newBatchNorm(s, channels, o, 2, 3)
}

// NewBatchNorm2d makes the same, for x (N, C, H, W).
func NewBatchNorm2d(s *Scope, channels int, o *BatchNormOptions) *BatchNorm {
	return newBatchNorm(s, channels, o, 4)
}

func newBatchNorm(s *Scope, channels int, o *BatchNormOptions, dims ...int) *BatchNorm {
	if o == nil {
		o = &BatchNormOptions{}
	}
	l := &BatchNorm{momentum: o.Momentum, dims: dims, path: s.path()}
	l.Weight, l.Bias, l.Eps = affine(s, channels, &NormOptions{Eps: o.Eps, NoAffine: o.NoAffine})
	switch {
	case o.Cumulative && o.Momentum != 0:
		s.fail("running_mean", fmt.Errorf("a cumulative average with a momentum of %v: want one of the two", o.Momentum))
	case o.Momentum < 0 || o.Momentum > 1:
		s.fail("running_mean", fmt.Errorf("a momentum of %v: want 0 to 1", o.Momentum))
	case !o.Cumulative && o.Momentum == 0:
		l.momentum = 0.1
	}
	if !o.NoStats {
		l.RunningMean = s.Buffer("running_mean", Zeros, channels)
		l.RunningVar = s.Buffer("running_var", Ones, channels)
		l.Batches = s.Counter("num_batches_tracked")
	}
	return l
}

// Forward normalizes. One value for each channel cannot be trained with, and is an error.
func (l *BatchNorm) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		if err := wantDims(x, l.dims...); err != nil {
			return nil, err
		}
		var running *op.Running
		if l.RunningMean != nil {
			running = &op.Running{Mean: l.RunningMean.Dense(), Var: l.RunningVar.Dense(), Batches: l.Batches.Dense(), Momentum: l.momentum}
		}
		return op.BatchNorm(g.tape, x, g.optional(l.Weight), g.optional(l.Bias), running, g.train || running == nil, l.Eps)
	})
}

// wantDims is an error where x has another number of dimensions.
func wantDims(x *gorgonia.Node, dims ...int) error {
	if slices.Contains(dims, x.Dims()) {
		return nil
	}
	return fmt.Errorf("x is %v: want %v dimensions", x.Shape(), dims)
}
