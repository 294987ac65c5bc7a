package kernel

import (
	"math"

	"github.com/fb777929/kibisis/nn/internal/workers"
)

// This file is normalization of channels over a batch: torch.nn.BatchNorm1d and 2d,
// arXiv:1502.03167.

// Channels is the shape of a batch (N, C, L), L being the places of an image.
type Channels struct{ N, C, L int }

// count is the numbers of one channel.
func (k Channels) count() int { return k.N * k.L }

// each calls f for all channels.
func (k Channels) each(f func(channel int)) { eachRow(k.C, k.count(), light, f) }

// eachPiece calls f for the numbers of a channel, in pieces of up to k.width().
func (k Channels) eachPiece(channel int, f func(begin, end int)) {
	for i := range k.N {
		begin := (i*k.C + channel) * k.L
		for end := begin + k.L; begin < end; begin += piece {
			f(begin, min(end, begin+piece))
		}
	}
}

func (k Channels) width() int { return min(k.L, piece) }

// Moments writes the mean and the biased variance of each channel.
func Moments[T Float](k Channels, mean, variance, x []T) {
	if k.L == 1 {
		momentsOfRows(k, mean, variance, x)
		return
	}
	k.each(func(c int) {
		sum := 0.0
		k.eachPiece(c, func(begin, end int) { sum += sumPiece(x[begin:end]) })
		mean[c] = T(sum / float64(k.count()))
		sum = 0
		k.eachPiece(c, func(begin, end int) { sum += sumSquaresFrom(x[begin:end], mean[c]) })
		variance[c] = T(sum / float64(k.count()))
	})
}

// Rstd writes 1/sqrt(variance + eps).
func Rstd[T Float](rstd, variance []T, eps float64) {
	for c, v := range variance {
		rstd[c] = T(1 / math.Sqrt(float64(v)+eps))
	}
}

// ChannelRows is memory for the gain and the bias of each channel, as rows of one number, which is how
// the loops take them.
type ChannelRows[T Float] struct{ gain, bias []T }

func (r *ChannelRows[T]) grow(k Channels) {
	r.gain, r.bias = atLeast(r.gain, k.C*k.width()), atLeast(r.bias, k.C*k.width())
}

// of repeats the gain and the bias of channel c.
func (r *ChannelRows[T]) of(k Channels, c int, gain, bias T) (gains, biases []T) {
	gains, biases = row(r.gain, c, k.width()), row(r.bias, c, k.width())
	fill(gains, gain)
	fill(biases, bias)
	return gains, biases
}

// BatchNorm writes (x-mean) * rstd * gain + bias to y. gain and bias have one number for each
// channel, or are nil.
func BatchNorm[T Float](k Channels, r *ChannelRows[T], y, x, gain, bias, mean, rstd []T) {
	if k.L == 1 {
		batchNormRows(k, y, x, gain, bias, mean, rstd)
		return
	}
	r.grow(k)
	k.each(func(c int) {
		gains, biases := r.of(k, c, orNumber(gain, c, 1), orNumber(bias, c, 0))
		k.eachPiece(c, func(begin, end int) {
			n := end - begin
			normRow(y[begin:end], x[begin:end], gains[:n], biases[:n], mean[c], rstd[c])
		})
	})
}

// BatchNormGrad writes what BatchNorm passes back of dy to dx, and to dgain and dbias, one number for
// each channel. Results that are nil are left out. fixed says that mean and rstd do not depend on x.
func BatchNormGrad[T Float](k Channels, r *ChannelRows[T], dx, dgain, dbias, x, gain, mean, rstd, dy []T, fixed bool) {
	if k.L == 1 {
		batchNormGradRows(k, dx, dgain, dbias, x, gain, mean, rstd, dy, fixed)
		return
	}
	r.grow(k)
	k.each(func(c int) {
		by := orNumber(gain, c, 1)
		gains, ones := r.of(k, c, by, 1)
		plain, scaled := 0.0, 0.0
		k.eachPiece(c, func(begin, end int) {
			p, s := normSums(x[begin:end], ones[:end-begin], dy[begin:end], mean[c], rstd[c])
			plain, scaled = plain+p, scaled+s
		})
		put(dgain, c, T(scaled))
		put(dbias, c, T(plain))
		if dx == nil {
			return
		}
		share := float64(by) / float64(k.count())
		if fixed {
			share = 0
		}
		k.eachPiece(c, func(begin, end int) {
			normGradRow(dx[begin:end], x[begin:end], gains[:end-begin], dy[begin:end],
				mean[c], rstd[c], T(plain*share), T(scaled*share))
		})
	})
}

// orNumber is element i of x, or other if x is nil.
func orNumber[T Float](x []T, i int, other T) T {
	if x != nil {
		return x[i]
	}
	return other
}

// put sets element i of x, unless x is nil.
func put[T Float](x []T, i int, v T) {
	if x != nil {
		x[i] = v
	}
}

// The functions below do (N, C): channels beside each other, some at a time.

// eachColumns calls f for blocks of channels.
func (k Channels) eachColumns(f func(begin, end int)) {
	workers.Blocks(k.C, max(16, light/k.N), f)
}

func momentsOfRows[T Float](k Channels, mean, variance, x []T) {
	k.eachColumns(func(begin, end int) {
		for c := begin; c < end; c++ {
			sum := 0.0
			for at := c; at < len(x); at += k.C {
				sum += float64(x[at])
			}
			center := sum / float64(k.N)
			sum = 0
			for at := c; at < len(x); at += k.C {
				d := float64(x[at]) - center
				sum += d * d
			}
			mean[c], variance[c] = T(center), T(sum/float64(k.N))
		}
	})
}

func batchNormRows[T Float](k Channels, y, x, gain, bias, mean, rstd []T) {
	k.eachColumns(func(begin, end int) {
		for c := begin; c < end; c++ {
			g, b, m := rstd[c]*orNumber(gain, c, 1), orNumber(bias, c, 0), mean[c]
			for at := c; at < len(x); at += k.C {
				y[at] = (x[at]-m)*g + b
			}
		}
	})
}

func batchNormGradRows[T Float](k Channels, dx, dgain, dbias, x, gain, mean, rstd, dy []T, fixed bool) {
	k.eachColumns(func(begin, end int) {
		for c := begin; c < end; c++ {
			m, r := mean[c], rstd[c]
			plain, scaled := 0.0, 0.0
			for at := c; at < len(x); at += k.C {
				plain += float64(dy[at])
				scaled += float64(dy[at]) * float64((x[at]-m)*r)
			}
			put(dgain, c, T(scaled))
			put(dbias, c, T(plain))
			if dx == nil {
				continue
			}
			p, s := T(plain/float64(k.N)), T(scaled/float64(k.N))
			if fixed {
				p, s = 0, 0
			}
			by := r * orNumber(gain, c, 1)
			for at := c; at < len(x); at += k.C {
				dx[at] = by * (dy[at] - p - (x[at]-m)*r*s)
			}
		}
	})
}
