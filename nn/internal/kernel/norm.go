package kernel

import "math"

// This file is normalization of the rows of a matrix. The variance is taken in a second pass,
// around the mean, so that rows far from 0 lose nothing. RMSNorm is LayerNorm around 0.

// LayerNorm writes (x-mean) * rstd * gain + bias to y, with the mean and 1/sqrt(variance+eps) of
// each row, and writes these two, one for each row, for LayerNormGrad: torch.nn.LayerNorm,
// arXiv:1607.06450. gain and bias are one row each, or nil. y may be x.
func LayerNorm[T Float](y, x, gain, bias, mean, rstd []T, rows, width int, eps float64) {
	gain, bias = orConstant(gain, 1, width), orConstant(bias, 0, width)
	eachRow(rows, width, light, func(i int) {
		x := row(x, i, width)
		mean[i] = T(sumPiece(x) / float64(width))
		rstd[i] = rowRstd(x, mean[i], eps)
		normRow(row(y, i, width), x, gain, bias, mean[i], rstd[i])
	})
}

// LayerNormGrad writes what LayerNorm passes back of dy to dx, of the size of x, and to dgain and
// dbias, of one row each. Results that are nil are left out. gain may be nil, and dx may be dy.
func LayerNormGrad[T Float](dx, dgain, dbias, x, gain, mean, rstd, dy []T, rows, width int) {
	gain = orConstant(gain, 1, width)
	var ofRow func(i int)
	if dx != nil {
		ofRow = func(i int) {
			x, dy := row(x, i, width), row(dy, i, width)
			plain, scaled := normSums(x, gain, dy, mean[i], rstd[i])
			normGradRow(row(dx, i, width), x, gain, dy, mean[i], rstd[i],
				T(plain/float64(width)), T(scaled/float64(width)))
		}
	}
	normGrad(dgain, dbias, x, mean, rstd, dy, rows, width, ofRow)
}

// RMSNorm writes x * rstd * gain to y, with 1/sqrt(mean of squares + eps) of each row, and writes
// that, one for each row, for RMSNormGrad: torch.nn.RMSNorm, arXiv:1910.07467. gain is one row, or
// nil. y may be x.
func RMSNorm[T Float](y, x, gain, rstd []T, rows, width int, eps float64) {
	gain, bias := orConstant(gain, 1, width), make([]T, width)
	eachRow(rows, width, light, func(i int) {
		x := row(x, i, width)
		rstd[i] = rowRstd(x, 0, eps)
		normRow(row(y, i, width), x, gain, bias, 0, rstd[i])
	})
}

// RMSNormGrad writes what RMSNorm passes back of dy to dx, of the size of x, and to dgain, of one
// row. Results that are nil are left out. gain may be nil, and dx may be dy.
func RMSNormGrad[T Float](dx, dgain, x, gain, rstd, dy []T, rows, width int) {
	gain = orConstant(gain, 1, width)
	var ofRow func(i int)
	if dx != nil {
		ofRow = func(i int) {
			x, dy := row(x, i, width), row(dy, i, width)
			_, scaled := normSums(x, gain, dy, 0, rstd[i])
			normGradRow(row(dx, i, width), x, gain, dy, 0, rstd[i], 0, T(scaled/float64(width)))
		}
	}
	withScratch(rows, func(mean []T) {
		normGrad(dgain, nil, x, mean, rstd, dy, rows, width, ofRow)
	})
}

// orConstant is x, or width times c if x is nil.
func orConstant[T Float](x []T, c T, width int) []T {
	if x != nil {
		return x
	}
	x = make([]T, width)
	for i := range x {
		x[i] = c
	}
	return x
}

// normGrad writes the sums over all rows of dy times the normalized x, and of dy, of which either
// may be nil, and calls ofRow, if there is one, for each row that it has looked at: then the row is
// near.
func normGrad[T Float](dgain, dbias, x, mean, rstd, dy []T, rows, width int, ofRow func(i int)) {
	if dgain == nil {
		if dbias != nil {
			SumRows(dbias, dy, rows, width)
		}
		if ofRow != nil {
			eachRow(rows, width, light, ofRow)
		}
		return
	}
	withScratch(2*width, func(both []T) {
		sumBlocks(rows, rowBlock(rows), 2*width, both, func(sum []T, begin, end int) {
			for i := begin; i < end; i++ {
				normParamsRow(sum[:width], sum[width:], row(x, i, width), row(dy, i, width), mean[i], rstd[i])
				if ofRow != nil {
					ofRow(i)
				}
			}
		})
		copy(dgain, both[:width])
		copy(dbias, both[width:])
	})
}

// rowRstd is 1/sqrt(v+eps), where v is the mean of the squared distance of x from mean.
func rowRstd[T Float](x []T, mean T, eps float64) T {
	return T(1 / math.Sqrt(sumSquaresFrom(x, mean)/float64(len(x))+eps))
}

// normRow writes (x - mean) * rstd * gain + bias to y.
func normRow[T Float](y, x, gain, bias []T, mean, rstd T) {
	if start := single(y); start != nil && fast.norm != nil {
		fast.norm(start, single(x[:len(y)]), single(gain[:len(y)]), single(bias[:len(y)]), float32(mean), float32(rstd), len(y))
		return
	}
	for i, v := range x {
		y[i] = (v-mean)*rstd*gain[i] + bias[i]
	}
}

// normSums returns the sums of gain*dy and of gain*dy times the normalized x.
func normSums[T Float](x, gain, dy []T, mean, rstd T) (plain, scaled float64) {
	if single(x) != nil && fast.normSums != nil {
		scaled = inPieces(len(x), func(begin, end int) float32 {
			p, s := fast.normSums(single(x[begin:end]), single(gain[begin:end]), single(dy[begin:end]),
				float32(mean), float32(rstd), end-begin)
			plain += float64(p)
			return s
		})
		return plain, scaled
	}
	for i, v := range x {
		d := float64(gain[i] * dy[i])
		plain += d
		scaled += d * float64((v-mean)*rstd)
	}
	return plain, scaled
}

// normGradRow writes the gradient of normRow with respect to x to dx, where plain and scaled are
// the means of what normSums sums.
func normGradRow[T Float](dx, x, gain, dy []T, mean, rstd, plain, scaled T) {
	if start := single(dx); start != nil && fast.normGrad != nil {
		fast.normGrad(start, single(x[:len(dx)]), single(gain[:len(dx)]), single(dy[:len(dx)]),
			float32(mean), float32(rstd), float32(plain), float32(scaled), len(dx))
		return
	}
	for i, v := range x {
		dx[i] = rstd * (gain[i]*dy[i] - plain - (v-mean)*rstd*scaled)
	}
}

// normParamsRow adds dy times the normalized x to dgain, and dy to dbias.
func normParamsRow[T Float](dgain, dbias, x, dy []T, mean, rstd T) {
	if start := single(x); start != nil && fast.normParams != nil {
		fast.normParams(single(dgain[:len(x)]), single(dbias[:len(x)]), start, single(dy[:len(x)]), float32(mean), float32(rstd), len(x))
		return
	}
	for i, v := range x {
		dgain[i] += dy[i] * ((v - mean) * rstd)
		dbias[i] += dy[i]
	}
}
