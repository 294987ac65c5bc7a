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
	top := rowTop(x)
	sum := expSum(y, x, top)
	if sum == 0 {
		clear(y)
		return
	}
	scalePlain(y, y, T(1/sum))
}

// SoftmaxGrad writes what Softmax passes back of dy to dx. Its y is what Softmax wrote.
func SoftmaxGrad[T Float](dx, y, dy []T, rows, width int) {
	eachRow(rows, width, light, func(i int) {
		SoftmaxGradRow(row(dx, i, width), row(y, i, width), row(dy, i, width))
	})
}

// SoftmaxGradRow is SoftmaxGrad of one row, on the calling goroutine.
func SoftmaxGradRow[T Float](dx, y, dy []T) {
	softmaxGradPlain(dx, y, dy, T(dotPiece(y, dy)))
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
	lessPlain(y, x, top, T(math.Log(sum)))
}

// LogSoftmaxGrad writes what LogSoftmax passes back of dy to dx. Its y is what LogSoftmax wrote.
func LogSoftmaxGrad[T Float](dx, y, dy []T, rows, width int) {
	eachRow(rows, width, heavy, func(i int) {
		LogSoftmaxGradRow(row(dx, i, width), row(y, i, width), row(dy, i, width))
	})
}

// LogSoftmaxGradRow is LogSoftmaxGrad of one row, on the calling goroutine.
func LogSoftmaxGradRow[T Float](dx, y, dy []T) {
	logSoftmaxGradPlain(dx, y, dy, T(sumPiece(dy)))
}

// rowTop is what is subtracted from a row: its maximum, but 0 where that is -Inf, of which
// nothing can be subtracted.
func rowTop[T Float](x []T) T {
	top := T(math.Inf(-1))
	for _, v := range x {
		top = max(top, v)
	}
	if math.IsInf(float64(top), -1) {
		return 0
	}
	return top
}

// expSum writes exp(x - top) to y and returns the sum.
func expSum[T Float](y, x []T, top T) float64 {
	var sum float64
	for i, v := range x {
		e := math.Exp(float64(v - top))
		y[i] = T(e)
		sum += e
	}
	return sum
}

// sumExp is the sum of exp(x - top).
func sumExp[T Float](x []T, top T) float64 {
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v - top))
	}
	return sum
}

func lessPlain[T Float](y, x []T, a, b T) {
	for i, v := range x {
		y[i] = v - a - b
	}
}

func softmaxGradPlain[T Float](dx, y, dy []T, dot T) {
	for i, v := range y {
		dx[i] = v * (dy[i] - dot)
	}
}

func logSoftmaxGradPlain[T Float](dx, y, dy []T, sum T) {
	for i, v := range y {
		dx[i] = T(float64(dy[i]) - math.Exp(float64(v))*float64(sum))
	}
}
