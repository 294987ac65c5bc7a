package kernel

// This file is normalization of groups of channels, each image by itself: torch.nn.GroupNorm,
// arXiv:1803.08494. A group of an image is a row; what GroupNorm adds to LayerNorm is that gain
// and bias are of channels.

// WideParams is memory for gain and bias as wide as an image, and for their gradients.
type WideParams[T Float] struct{ gain, bias, dgain, dbias []T }

// GroupNorm normalizes each of so many groups of channels of each image, and writes the mean and
// 1/sqrt(variance+eps) of each to mean and rstd (N, groups). gain and bias have one number for each
// channel, or are nil.
func GroupNorm[T Float](k Channels, groups int, p *WideParams[T], y, x, gain, bias, mean, rstd []T, eps float64) {
	width := k.C / groups * k.L
	p.gain, p.bias = widened(k, p.gain, gain, 1), widened(k, p.bias, bias, 0)
	eachRow(k.N*groups, width, light, func(i int) {
		x, group := row(x, i, width), i%groups
		mean[i] = T(sumPiece(x) / float64(width))
		rstd[i] = rowRstd(x, mean[i], eps)
		normRow(row(y, i, width), x, row(p.gain, group, width), row(p.bias, group, width), mean[i], rstd[i])
	})
}

// GroupNormGrad writes what GroupNorm passes back of dy to dx, and to dgain and dbias, one number for
// each channel. Results that are nil are left out. mean, rstd and p are what GroupNorm wrote.
func GroupNormGrad[T Float](k Channels, groups int, p *WideParams[T], dx, dgain, dbias, x, mean, rstd, dy []T) {
	width := k.C / groups * k.L
	if dgain != nil || dbias != nil {
		p.grad(k, groups, dgain, dbias, x, mean, rstd, dy)
	}
	if dx == nil {
		return
	}
	eachRow(k.N*groups, width, light, func(i int) {
		x, dy, gain := row(x, i, width), row(dy, i, width), row(p.gain, i%groups, width)
		plain, scaled := normSums(x, gain, dy, mean[i], rstd[i])
		normGradRow(row(dx, i, width), x, gain, dy, mean[i], rstd[i],
			T(plain/float64(width)), T(scaled/float64(width)))
	})
}

// grad adds up the gradients of gain and bias over images, then over places.
func (p *WideParams[T]) grad(k Channels, groups int, dgain, dbias, x, mean, rstd, dy []T) {
	width := k.C / groups * k.L
	p.dgain, p.dbias = atLeast(p.dgain, k.C*k.L), atLeast(p.dbias, k.C*k.L)
	eachRow(groups, k.N*width, light, func(group int) {
		wideGain, wideBias := row(p.dgain, group, width), row(p.dbias, group, width)
		clear(wideGain)
		clear(wideBias)
		for i := range k.N {
			at := i*groups + group
			normParamsRow(wideGain, wideBias, row(x, at, width), row(dy, at, width), mean[at], rstd[at])
		}
		for c := group * k.C / groups; c < (group+1)*k.C/groups; c++ {
			put(dgain, c, T(sumPiece(row(p.dgain, c, k.L))))
			put(dbias, c, T(sumPiece(row(p.dbias, c, k.L))))
		}
	})
}

// widened repeats each channel's number at all places, in buf if it is large enough. x may be nil,
// for other everywhere.
func widened[T Float](k Channels, buf, x []T, other T) []T {
	buf = atLeast(buf, k.C*k.L)
	for c := range k.C {
		fill(row(buf, c, k.L), orNumber(x, c, other))
	}
	return buf
}
