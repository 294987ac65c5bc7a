package kernel

import "math"

// This file is what the updates of optimizers share. Each is one pass over the memory of a
// parameter, its gradient and its slots, on one core: package optim splits parameters into blocks
// and runs those on all cores. Settings are computed in float64 once a step and rounded to T.

// A Gradient says how an optimizer reads the gradient g of a parameter w: clipped to -Limit and
// Limit, times Scale, plus Decay*w. Limit is infinite and Scale 1 where nothing is clipped. NaN
// stays NaN.
type Gradient[T Float] struct{ Limit, Scale, Decay T }

func (c Gradient[T]) of(g, w T) T { return clipped(g, c.Limit)*c.Scale + c.Decay*w }

func clipped[T Float](g, limit T) T {
	if g > limit {
		return limit
	}
	if g < -limit {
		return -limit
	}
	return g
}

func sqrt[T Float](x T) T { return T(math.Sqrt(float64(x))) }

// SumSquaresClipped is the sum of the squares of x, each clipped to -limit and limit, in float64.
func SumSquaresClipped[T Float](x []T, limit T) float64 {
	if math.IsInf(float64(limit), 1) {
		return sumSquaresPiece(x)
	}
	sum := 0.0
	for _, v := range x {
		c := float64(clipped(v, limit))
		sum += c * c
	}
	return sum
}

// Lerp moves y to x by a part of the way, 0 to 1. By the whole way, y becomes x; where they are equal, y
// stays what it is.
func Lerp[T Float](y, x []T, part float64) {
	x = x[:len(y)]
	if part == 1 {
		copy(y, x)
		return
	}
	by := T(part)
	for i, v := range y {
		y[i] = v + by*(x[i]-v)
	}
}

// AddScaled writes (y + x) * scale to y.
func AddScaled[T Float](y, x []T, scale float64) {
	by := T(scale)
	x = x[:len(y)]
	for i, v := range y {
		y[i] = (v + x[i]) * by
	}
}

// Swap exchanges the elements of x and y.
func Swap[T Float](x, y []T) {
	y = y[:len(x)]
	for i, v := range x {
		x[i], y[i] = y[i], v
	}
}
