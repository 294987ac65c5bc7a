package kernel

import (
	"math"
	"unsafe"
)

// This file is the functions of analysis that activations and soft-max are made of. All compute
// in float64. For a result of float32 they use polynomials that are as good as that needs, with
// a relative error of 1e-7 at most, and several times as fast.

// short says that T is float32.
func short[T Float]() bool {
	var v T
	return unsafe.Sizeof(v) == 4
}

func exp[T Float](x float64) float64 {
	if short[T]() {
		return shortExp(x)
	}
	return math.Exp(x)
}

// sigmoid takes the exponential of what is no more than 0, which cannot overflow. That of a
// float32 does not in float64.
func sigmoid[T Float](x float64) float64 {
	if short[T]() {
		return 1 / (1 + shortExp(min(-x, -shortEnd)))
	}
	e := math.Exp(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

func tanh[T Float](x float64) float64 {
	if !short[T]() || math.Abs(x) < 1e-3 {
		return math.Tanh(x)
	}
	e := shortExp(-2 * math.Abs(x))
	return math.Copysign((1-e)/(1+e), x)
}

// normal gives the probability that a standard normal variable is below x, and exp(-x*x/2).
func normal[T Float](x float64) (probability, density float64) {
	density = exp[T](-x * x / 2)
	if !short[T]() {
		return math.Erfc(-x/math.Sqrt2) / 2, density
	}
	below := density * shortTail(math.Abs(x))
	if x < 0 {
		return below, density
	}
	return 1 - below, density
}

// shortEnd is where exp is below all float32, by far.
const shortEnd = -110

// shortExp is exp(x), for x up to 700, and 0 below shortEnd.
func shortExp(x float64) float64 {
	if x < shortEnd {
		return 0
	}
	const big = 3 << 51 // which, added, leaves whole numbers
	n := x*math.Log2E + big
	r := x - (n-big)*math.Ln2
	e := 1 + r*(1+r*(0.5+r*(0.16666543+r*(0.041666403+r*(0.0083665615+r*0.0013940724)))))
	return e * math.Float64frombits((math.Float64bits(n)+1023)<<52)
}

// shortTail is, for x >= 0, the probability that a standard normal variable is above x, divided
// by exp(-x*x/2), in the form of Abramowitz and Stegun 7.1.26.
func shortTail(x float64) float64 {
	w := 1 / (1 + 0.36*x)
	return w * (0.1436208 + w*(0.14362516+w*(0.124426045+w*(0.09441414+w*(0.0033107132+
		w*(0.10231157+w*(-0.2195302+w*(0.13774627+w*-0.029924538))))))))
}
