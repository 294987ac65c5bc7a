package kernel

// This file is how the loops of float32 in assembly are reached. They are made by the program in
// .ci/tools/asm.

//go:generate go -C ../../../.ci/tools run ./asm ../../nn/internal/kernel

// Assembly says what does the loops of float32: "avx2", or "none" where all is in Go. That is so
// where the processor or the build is another, in builds with the tag purego, with the race
// detector or a sanitizer, and where the environment variable KIBISIS_NOASM is 1 as the program
// starts.
func Assembly() string {
	if fast.name == "" {
		return "none"
	}
	return fast.name
}

// fast has the loops; all are nil where all is in Go. It does not change but in tests.
var fast loops

type (
	loop2 func(y, x *float32, n int)
	loop3 func(y, a, b *float32, n int)
)

type loops struct {
	name string

	// vectors
	add, mul    loop3
	scale, axpy func(y, x *float32, c float32, n int)

	// sums
	sum         func(x *float32, n int) float32
	dot         func(a, b *float32, n int) float32
	squares     func(x *float32, n int) float64
	squaresFrom func(x *float32, center float32, n int) float32

	// activations
	relu, gelu, geluTanh, silu, tanh, sigmoid                         loop2
	reluGrad, geluGrad, geluTanhGrad, siluGrad, tanhGrad, sigmoidGrad loop3

	// soft-max
	max                         func(x *float32, n int) float32
	expSum                      func(y, x *float32, top float32, n int) float32
	sumExp                      func(x *float32, top float32, n int) float32
	less                        func(y, x *float32, a, b float32, n int)
	softmaxGrad, logSoftmaxGrad func(dx, y, dy *float32, c float32, n int)

	// norms
	norm       func(y, x, gain, bias *float32, mean, rstd float32, n int)
	normSums   func(x, gain, dy *float32, mean, rstd float32, n int) (plain, scaled float32)
	normGrad   func(dx, x, gain, dy *float32, mean, rstd, plain, scaled float32, n int)
	normParams func(dgain, dbias, x, dy *float32, mean, rstd float32, n int)

	// optimizers
	adam func(w, dw, m, v, settings *float32, n int)
}

// piece is how many elements the loops add up in float32. What they give is added in float64.
const piece = 1024

// inPieces adds what f gives for pieces of n elements.
func inPieces(n int, f func(begin, end int) float32) float64 {
	var sum float64
	for begin := 0; begin < n; begin += piece {
		sum += float64(f(begin, min(n, begin+piece)))
	}
	return sum
}

// single is where x begins if it is of float32 and has elements, else nil. Loops do not look at
// lengths: cut operands to that of the result on the way here.
func single[T Float](x []T) *float32 {
	if x, ok := any(x).([]float32); ok && len(x) > 0 {
		return &x[0]
	}
	return nil
}

// run does y and x with f, where it is there for them. Else it returns false.
func (f loop2) run(y, x *float32, n int) bool {
	if f == nil || y == nil {
		return false
	}
	f(y, x, n)
	return true
}

// run does y, a and b with f, where it is there for them. Else it returns false.
func (f loop3) run(y, a, b *float32, n int) bool {
	if f == nil || y == nil {
		return false
	}
	f(y, a, b, n)
	return true
}
