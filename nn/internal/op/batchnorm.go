package op

// This file is normalization of channels over a batch.

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Running is the statistics of all batches so far. They belong to the model: each run reads or
// writes them where they are.
type Running struct {
	Mean, Var *tensor.Dense // (C), of the dtype of x
	Batches   *tensor.Dense // int64 (): how many there were
	// Momentum is the share of the newest batch. 0 gives all batches one share.
	Momentum float64
}

// BatchNorm gives each channel of x (N, C, ...) mean 0 and variance 1, then multiplies it by gain and
// adds bias, which may be nil, both or the bias alone. With batch, mean and variance are those of the
// batch, and each run adds them to the running ones, which may be nil; else they are the running
// ones as they are when the graph runs.
func BatchNorm(t *Tape, x, gain, bias *gorgonia.Node, running *Running, batch bool, eps float64) (*gorgonia.Node, error) {
	k, err := channels(x)
	if err != nil {
		return nil, err
	}
	if batch && k.N*k.L == 1 {
		return nil, fmt.Errorf("x is %v: one value for each channel has no variance to train with", x.Shape())
	}
	if err := ofChannels(x, k, gain, bias); err != nil {
		return nil, err
	}
	switch {
	case running == nil && !batch:
		return nil, errors.New("neither the batch nor running statistics")
	case running == nil:
	case !sameShape(running.Mean.Shape(), tensor.Shape{k.C}) || !sameShape(running.Var.Shape(), tensor.Shape{k.C}):
		return nil, fmt.Errorf("x is %v, and the running statistics are %v and %v, want (%d)", x.Shape(), running.Mean.Shape(), running.Var.Shape(), k.C)
	case running.Mean.Dtype() != x.Dtype() || running.Var.Dtype() != x.Dtype():
		return nil, fmt.Errorf("x is of %v, and the running statistics of %v and %v", x.Dtype(), running.Mean.Dtype(), running.Var.Dtype())
	}
	return Apply(t, x.Shape(), batchNorm[float32](k, running, batch, eps), batchNorm[float64](k, running, batch, eps), present(x, gain, bias)...)
}

func batchNorm[T kernel.Float](k kernel.Channels, running *Running, batch bool, eps float64) Function[T] {
	var mean, variance, rstd []T
	var rows kernel.ChannelRows[T]
	return Function[T]{
		Name: "batch_norm",
		Forward: func(c *Call[T]) error {
			mean, variance, rstd = sized(mean, k.C), sized(variance, k.C), sized(rstd, k.C)
			if batch {
				kernel.Moments(k, mean, variance, c.In[0])
			} else {
				copy(mean, running.Mean.Data().([]T)) // so that Backward has the same, whatever happens in between
				copy(variance, running.Var.Data().([]T))
			}
			kernel.Rstd(rstd, variance, eps)
			kernel.BatchNorm(k, &rows, c.Out, c.In[0], at(c.In, 1), at(c.In, 2), mean, rstd)
			if batch && running != nil {
				addBatch(running, k, mean, variance)
			}
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.BatchNormGrad(k, &rows, c.DIn[0], at(c.DIn, 1), at(c.DIn, 2), c.In[0], at(c.In, 1), mean, rstd, c.Grad, !batch)
			return nil
		},
	}
}

// addBatch adds a batch to the running statistics, its variance without bias, as PyTorch does.
func addBatch[T kernel.Float](r *Running, k kernel.Channels, mean, variance []T) {
	batches := r.Batches.GetI64(0) + 1
	r.Batches.SetI64(0, batches)
	share := r.Momentum
	if share == 0 {
		share = 1 / float64(batches)
	}
	n := float64(k.N * k.L)
	mix(r.Mean.Data().([]T), mean, share, 1)
	mix(r.Var.Data().([]T), variance, share, n/(n-1))
}

// mix moves old towards scale*x by a share of the way.
func mix[T kernel.Float](old, x []T, share, scale float64) {
	for i, v := range x {
		old[i] = T((1-share)*float64(old[i]) + share*scale*float64(v))
	}
}
