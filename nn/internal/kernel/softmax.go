package kernel

import "math"

// This file is soft-max and its logarithm, over the rows of a matrix. Results may be the very
// slices of operands.

// Softmax writes exp(x) of each row, divided by its sum over the row, to y. It subtracts the
// row's maximum first, so that nothing overflows. A row of which all is -Inf gives zeros, for
// attention to a position that may look at nothing (PyTorch gives NaN). A row with NaN or +Inf
// gives NaN.
func Softmax[T Float](y, x []T, rows, width int) {
	eachRow(rows, width, heavy, func(i int) { SoftmaxRow(row(y, i, width), row(x, i, width)) })
}

// SoftmaxRow is Softmax of one row, on the calling goroutine.
func SoftmaxRow[T Float](y, x []T) {
	if sum := expSum(y, x, rowTop(x)); sum != 0 { // else y is 0 already
		scaleRow(y, y, T(1/sum))
	}
}

// SoftmaxGrad writes what Softmax passes back of dy to dx. Its y is what Softmax wrote.
func SoftmaxGrad[T Float](dx, y, dy []T, rows, width int) {
	eachRow(rows, width, light, func(i int) {
		SoftmaxGradRow(row(dx, i, width), row(y, i, width), row(dy, i, width))
	})
}

// SoftmaxGradRow is SoftmaxGrad of one row, on the calling goroutine.
func SoftmaxGradRow[T Float](dx, y, dy []T) {
	softmaxGradRow(dx, y, dy, T(dotPiece(y, dy)))
}

// LogSoftmax writes the logarithm of Softmax to y, without a detour through numbers that may be
// too small. A row of which all is -Inf stays so.
func LogSoftmax[T Float](y, x []T, rows, width int) {
	eachRow(rows, width, heavy, func(i int) { LogSoftmaxRow(row(y, i, width), row(x, i, width)) })
}

// LogSoftmaxRow is LogSoftmax of one row, on the calling goroutine.
func LogSoftmaxRow[T Float](y, x []T) {
	top := rowTop(x)
	sum := sumExp(x, top)
	if sum == 0 {
		sum = 1
	}
	lessRow(y, x, top, T(math.Log(sum)))
}

// LogSoftmaxGrad writes what LogSoftmax passes back of dy to dx. Its y is what LogSoftmax wrote.
func LogSoftmaxGrad[T Float](dx, y, dy []T, rows, width int) {
	eachRow(rows, width, heavy, func(i int) {
		LogSoftmaxGradRow(row(dx, i, width), row(y, i, width), row(dy, i, width))
	})
}

// LogSoftmaxGradRow is LogSoftmaxGrad of one row, on the calling goroutine.
func LogSoftmaxGradRow[T Float](dx, y, dy []T) {
	logSoftmaxGradRow(dx, y, dy, T(sumPiece(dy)))
}

// rowTop is what is subtracted from a row: its maximum, but 0 where that is -Inf, of which
// nothing can be subtracted.
func rowTop[T Float](x []T) T {
	top := T(math.Inf(-1))
	if start := single(x); start != nil && fast.max != nil {
		top = T(fast.max(start, len(x)))
	} else {
		for _, v := range x {
			top = max(top, v)
		}
	}
	if math.IsInf(float64(top), -1) {
		return 0
	}
	return top
}

// expSum writes exp(x - top) to y and returns the sum.
func expSum[T Float](y, x []T, top T) float64 {
	if single(x) != nil && fast.expSum != nil {
		return inPieces(len(x), func(begin, end int) float32 {
			return fast.expSum(single(y[begin:end]), single(x[begin:end]), float32(top), end-begin)
		})
	}
	var sum float64
	for i, v := range x {
		e := exp[T](float64(v - top))
		y[i] = T(e)
		sum += e
	}
	return sum
}

// sumExp is the sum of exp(x - top).
func sumExp[T Float](x []T, top T) float64 {
	if single(x) != nil && fast.sumExp != nil {
		return inPieces(len(x), func(begin, end int) float32 {
			return fast.sumExp(single(x[begin:end]), float32(top), end-begin)
		})
	}
	var sum float64
	for _, v := range x {
		sum += exp[T](float64(v - top))
	}
	return sum
}

// lessRow writes x - a - b to y.
func lessRow[T Float](y, x []T, a, b T) {
	if start := single(y); start != nil && fast.less != nil {
		fast.less(start, single(x[:len(y)]), float32(a), float32(b), len(y))
		return
	}
	for i, v := range x {
		y[i] = v - a - b
	}
}

func softmaxGradRow[T Float](dx, y, dy []T, dot T) {
	if start := single(dx); start != nil && fast.softmaxGrad != nil {
		fast.softmaxGrad(start, single(y[:len(dx)]), single(dy[:len(dx)]), float32(dot), len(dx))
		return
	}
	for i, v := range y {
		dx[i] = v * (dy[i] - dot)
	}
}

func logSoftmaxGradRow[T Float](dx, y, dy []T, sum T) {
	if start := single(dx); start != nil && fast.logSoftmaxGrad != nil {
		fast.logSoftmaxGrad(start, single(y[:len(dx)]), single(dy[:len(dx)]), float32(sum), len(dx))
		return
	}
	for i, v := range y {
		dx[i] = T(float64(dy[i]) - exp[T](float64(v))*float64(sum))
	}
}
