package kernel

import "math"

// This file is the functions that layers put after products, and their gradients. Slices of one
// call have one length; the result may be the very slice of an operand. NaN gives NaN. At
// infinities the result is the limit, where PyTorch has NaN for some.
//
// In Go everything is computed in float64, so that float32 is right but for the last bit or two.
// In assembly it is off by 1e-6 of the largest of operand, result and 0.001 at most.

// Relu writes max(x, 0) to y: torch.nn.ReLU.
func Relu[T Float](y, x []T) {
	unary(y, x, light, fast.relu, reluPlain[T])
}

// ReluGrad writes to dx what Relu passes back of dy: 0 where x <= 0,
// else dy, and dy where x is NaN.
func ReluGrad[T Float](dx, x, dy []T) {
	binary(dx, x, dy, light, fast.reluGrad, reluGradPlain[T])
}

// Gelu writes x times the probability that a standard normal variable is below x to y:
// torch.nn.GELU, arXiv:1606.08415.
func Gelu[T Float](y, x []T) {
	unary(y, x, heavy, fast.gelu, each(gelu[T]))
}

// GeluGrad writes what Gelu passes back of dy to dx.
func GeluGrad[T Float](dx, x, dy []T) {
	binary(dx, x, dy, heavy, fast.geluGrad, eachGrad(geluSlope[T]))
}

// GeluTanh writes GELU as it is approximated with tanh to y: torch.nn.GELU("tanh"),
// arXiv:1606.08415 section 2.
func GeluTanh[T Float](y, x []T) {
	unary(y, x, heavy, fast.geluTanh, each(geluTanh[T]))
}

// GeluTanhGrad writes what GeluTanh passes back of dy to dx.
func GeluTanhGrad[T Float](dx, x, dy []T) {
	binary(dx, x, dy, heavy, fast.geluTanhGrad, eachGrad(geluTanhSlope[T]))
}

// Silu writes x * sigmoid(x) to y: torch.nn.SiLU.
func Silu[T Float](y, x []T) {
	unary(y, x, heavy, fast.silu, each(silu[T]))
}

// SiluGrad writes what Silu passes back of dy to dx.
func SiluGrad[T Float](dx, x, dy []T) {
	binary(dx, x, dy, heavy, fast.siluGrad, eachGrad(siluSlope[T]))
}

// Tanh writes tanh(x) to y: torch.nn.Tanh.
func Tanh[T Float](y, x []T) {
	unary(y, x, heavy, fast.tanh, each(func(x T) T { return T(tanh[T](float64(x))) }))
}

// TanhGrad writes what Tanh passes back of dy to dx. Its y is what Tanh wrote.
func TanhGrad[T Float](dx, y, dy []T) {
	binary(dx, y, dy, light, fast.tanhGrad, tanhGradPlain[T])
}

// Sigmoid writes 1 / (1 + exp(-x)) to y: torch.nn.Sigmoid.
func Sigmoid[T Float](y, x []T) {
	unary(y, x, heavy, fast.sigmoid, each(func(x T) T { return T(sigmoid[T](float64(x))) }))
}

// SigmoidGrad writes what Sigmoid passes back of dy to dx. Its y is what Sigmoid wrote.
func SigmoidGrad[T Float](dx, y, dy []T) {
	binary(dx, y, dy, light, fast.sigmoidGrad, sigmoidGradPlain[T])
}

func reluPlain[T Float](y, x []T) {
	x = x[:len(y)]
	for i := range y {
		v := x[i]
		if v <= 0 {
			v = 0
		}
		y[i] = v
	}
}

func reluGradPlain[T Float](dx, x, dy []T) {
	x, dy = x[:len(dx)], dy[:len(dx)]
	for i := range dx {
		v := dy[i]
		if x[i] <= 0 {
			v = 0
		}
		dx[i] = v
	}
}

func tanhGradPlain[T Float](dx, y, dy []T) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	for i := range dx {
		dx[i] = dy[i] * (1 - y[i]*y[i])
	}
}

func sigmoidGradPlain[T Float](dx, y, dy []T) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	for i := range dx {
		dx[i] = dy[i] * (1 - y[i]) * y[i]
	}
}

// each makes a loop of f.
func each[T Float](f func(T) T) func(y, x []T) {
	return func(y, x []T) {
		for i, v := range x {
			y[i] = f(v)
		}
	}
}

// eachGrad makes a loop of the derivative of a function.
func eachGrad[T Float](slope func(T) T) func(dx, x, dy []T) {
	return func(dx, x, dy []T) {
		for i, v := range x {
			dx[i] = dy[i] * slope(v)
		}
	}
}

// Beyond these the functions have reached their limits in float64 too. Operands are kept
// within, for infinity times 0 is NaN.
const (
	normalEnd  = 40
	sigmoidEnd = 800
)

func gelu[T Float](x T) T {
	v := float64(x)
	probability, _ := normal[T](v)
	return T(max(v, -normalEnd) * probability)
}

func geluSlope[T Float](x T) T {
	v := min(max(float64(x), -normalEnd), normalEnd)
	probability, density := normal[T](v)
	return T(probability + v*density/math.Sqrt(2*math.Pi))
}

// Of (1 + tanh(u)) / 2, which is sigmoid(2u), with u = sqrt(2/pi) * (x + 0.044715 x**3).
const (
	geluLinear = 2 * 0.797884560802865355879892119868763736951717262329869315331
	geluCubic  = geluLinear * 0.044715
)

func geluTanh[T Float](x T) T {
	v := min(max(float64(x), -normalEnd), normalEnd)
	return T(max(float64(x), -normalEnd) * sigmoid[T](v*(geluLinear+geluCubic*v*v)))
}

func geluTanhSlope[T Float](x T) T {
	v := min(max(float64(x), -normalEnd), normalEnd)
	s := sigmoid[T](v * (geluLinear + geluCubic*v*v))
	return T(s + v*s*(1-s)*(geluLinear+3*geluCubic*v*v))
}

func silu[T Float](x T) T {
	v := float64(x)
	return T(max(v, -sigmoidEnd) * sigmoid[T](v))
}

func siluSlope[T Float](x T) T {
	v := min(max(float64(x), -sigmoidEnd), sigmoidEnd)
	s := sigmoid[T](v)
	return T(s * (1 + v*(1-s)))
}
