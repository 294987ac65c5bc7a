package kernel

import "math"

// This file is pooling: one number for each window of a plane, which is a channel of an image.

// Pool is the shape of pooling of Planes planes of H rows and W columns. Pairs are of rows and
// columns; in one dimension there is one row. Padding is at most half of the window.
type Pool struct {
	Planes, H, W            int
	Window, Stride, Padding [2]int
}

// Size is the rows and columns of the result: 0 where the window does not fit.
func (k Pool) Size() (rows, cols int) {
	return places(k.H, k.Window[0], k.Stride[0], k.Padding[0]), places(k.W, k.Window[1], k.Stride[1], k.Padding[1])
}

// eachPlane calls f for every plane of the input and the place of its result.
func (k Pool) eachPlane(f func(plane, size, result int)) {
	rows, cols := k.Size()
	size := k.H * k.W
	eachRow(k.Planes, size, light/4, func(i int) { f(i, size, rows*cols) })
}

// MaxPool writes the largest number of each window to y, and the place of it in its plane to at:
// the first of several. NaN is larger than any number, as in PyTorch.
func MaxPool[T Float](k Pool, y []T, at []int32, x []T) {
	plane := maxPlane[T]
	if k.Window == [2]int{2, 2} && k.Stride == k.Window && k.Padding == [2]int{} {
		plane = maxPairs[T]
	}
	k.eachPlane(func(i, size, result int) {
		plane(k, row(y, i, result), at[i*result:(i+1)*result], row(x, i, size))
	})
}

func maxPlane[T Float](k Pool, y []T, at []int32, x []T) {
	k.eachWindow(func(i int, w window) { y[i], at[i] = largest(k, x, w) })
}

func largest[T Float](k Pool, x []T, w window) (best T, at int32) {
	best, at = T(math.Inf(-1)), int32(w.top*k.W+w.left)
	for r := w.top; r < w.bottom; r++ {
		for c := w.left; c < w.right; c++ {
			if v := x[r*k.W+c]; v > best || math.IsNaN(float64(v)) {
				best, at = v, int32(r*k.W+c)
			}
		}
	}
	return best, at
}

// maxPairs is maxPlane for windows of 2 by 2 side by side. Which number is the largest cannot be
// foretold, so there is no jump that depends on it.
func maxPairs[T Float](k Pool, y []T, at []int32, x []T) {
	rows, cols := k.Size()
	for r := range rows {
		y, at := y[r*cols:(r+1)*cols], at[r*cols:(r+1)*cols]
		upper, lower := x[2*r*k.W:][:2*cols], x[(2*r+1)*k.W:][:2*cols]
		for c := range y {
			a, b, d, e := upper[2*c], upper[2*c+1], lower[2*c], lower[2*c+1]
			best := max(a, b, d, e)
			// 0, 1, k.W and k.W+1 are the places of the four.
			step := 1 + differ(b, best)*(k.W-1+differ(d, best))
			y[c], at[c] = best, int32(2*(r*k.W+c)+differ(a, best)*step)
			if math.IsNaN(float64(best)) {
				y[c], at[c] = largest(k, x, window{2 * r, 2*r + 2, 2 * c, 2*c + 2})
			}
		}
	}
}

// differ is 1 if a is not b, else 0.
func differ[T Float](a, b T) int {
	if a != b {
		return 1
	}
	return 0
}

// window is where a window lies on its plane, without the padding.
type window struct{ top, bottom, left, right int }

// eachWindow calls f for the windows of a plane, in order.
func (k Pool) eachWindow(f func(i int, w window)) {
	rows, cols := k.Size()
	for r := range rows {
		y := r*k.Stride[0] - k.Padding[0]
		for c := range cols {
			x := c*k.Stride[1] - k.Padding[1]
			f(r*cols+c, window{max(0, y), min(k.H, y+k.Window[0]), max(0, x), min(k.W, x+k.Window[1])})
		}
	}
}

// MaxPoolGrad writes what MaxPool passes back of dy to dx. at is what MaxPool wrote.
func MaxPoolGrad[T Float](k Pool, dx []T, at []int32, dy []T) {
	k.eachPlane(func(i, size, result int) {
		dx, at := row(dx, i, size), at[i*result:(i+1)*result]
		clear(dx)
		for j, v := range row(dy, i, result) {
			dx[at[j]] += v
		}
	})
}

// AvgPool writes the mean of each window to y. The padding counts as zeros if padded.
func AvgPool[T Float](k Pool, y, x []T, padded bool) {
	k.eachPlane(func(i, size, result int) {
		y, x := row(y, i, result), row(x, i, size)
		k.eachWindow(func(i int, w window) {
			var sum T
			for r := w.top; r < w.bottom; r++ {
				for _, v := range x[r*k.W+w.left : r*k.W+w.right] {
					sum += v
				}
			}
			y[i] = sum / T(k.count(w, padded))
		})
	})
}

// AvgPoolGrad writes what AvgPool passes back of dy to dx.
func AvgPoolGrad[T Float](k Pool, dx, dy []T, padded bool) {
	k.eachPlane(func(i, size, result int) {
		dx, dy := row(dx, i, size), row(dy, i, result)
		clear(dx)
		k.eachWindow(func(i int, w window) {
			share := dy[i] / T(k.count(w, padded))
			for r := w.top; r < w.bottom; r++ {
				to := dx[r*k.W+w.left : r*k.W+w.right]
				for c := range to {
					to[c] += share
				}
			}
		})
	})
}

// count is what a window's sum is divided by.
func (k Pool) count(w window, padded bool) int {
	if padded {
		return k.Window[0] * k.Window[1]
	}
	return (w.bottom - w.top) * (w.right - w.left)
}

// MeanRows writes the mean of each row of x to y.
func MeanRows[T Float](y, x []T, rows, width int) {
	eachRow(rows, width, light, func(i int) { y[i] = T(sumPiece(row(x, i, width)) / float64(width)) })
}

// MeanRowsGrad writes what MeanRows passes back of dy to dx.
func MeanRowsGrad[T Float](dx, dy []T, rows, width int) {
	eachRow(rows, width, light, func(i int) { fill(row(dx, i, width), dy[i]/T(width)) })
}

// MaxRows writes the largest number of each row of x to y, and the place of it in the row to at:
// the first of several. NaN is larger than any number.
func MaxRows[T Float](y []T, at []int32, x []T, rows, width int) {
	MaxPool(rowPool(rows, width), y, at, x)
}

// MaxRowsGrad writes what MaxRows passes back of dy to dx. at is what MaxRows wrote.
func MaxRowsGrad[T Float](dx []T, at []int32, dy []T, rows, width int) {
	MaxPoolGrad(rowPool(rows, width), dx, at, dy)
}

// rowPool is pooling of whole rows.
func rowPool(rows, width int) Pool {
	return Pool{Planes: rows, H: 1, W: width, Window: [2]int{1, width}, Stride: [2]int{1, 1}}
}
