package kernel

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBitsDoNotDependOnCores runs everything that is done in blocks on one core and on many.
func TestBitsDoNotDependOnCores(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	const rows, width = 1000, 129
	x, y := normals[float32](random, rows*width), normals[float32](random, rows*width)
	mean, rstd := make([]float32, rows), make([]float32, rows)
	all := func() [][]float32 {
		results := [][]float32{make([]float32, rows*width)}
		result := func(n int) []float32 {
			results = append(results, make([]float32, n))
			return results[len(results)-1]
		}
		for _, f := range allTwins() {
			from := [][]float32{x, y, x, y}[:f.inputs]
			results = append(results, f.results(from)...)
		}
		SumRows(result(width), x, rows, width)
		Softmax(result(len(x)), x, rows, width)
		LogSoftmax(result(len(x)), x, rows, width)
		LayerNorm(result(len(x)), x, nil, nil, mean, rstd, rows, width, 1e-5)
		LayerNormGrad(result(len(x)), result(width), result(width), x, nil, mean, rstd, y, rows, width)
		RMSNormGrad(result(len(x)), result(width), x, nil, rstd, y, rows, width)
		Dropout(result(len(x)), x, 1, 0.5)
		return results
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := all()
	for _, cores := range []int{2, 3, 8} {
		runtime.GOMAXPROCS(cores)
		require.True(t, sameBits(want, all()), "%d cores", cores)
	}
}

// TestResultsMayBeOperands: where that is promised, the bits are the same.
func TestResultsMayBeOperands(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	operands := map[string][]int{
		"LayerNorm": {0}, "RMSNorm": {0}, "LayerNormGrad": {2}, "RMSNormGrad": {2},
		// These take no result that is not an operand, or are called in two steps here.
		"AddTo": nil, "Axpy": nil, "Adam": nil, "LogSoftmaxGradRow": {0},
	}
	for _, f := range allTwins() {
		if f.sizes[0] != same {
			continue
		}
		ks, ok := operands[f.name]
		if !ok {
			ks = []int{0, 1}[:f.inputs]
		}
		for _, k := range ks {
			from := f.sample(random, 43)
			want := f.results(from)
			to := f.results(from)
			to[0] = from[k]
			f.run(to, from)
			require.True(t, sameBits(want, to), "%s, operand %d", f.name, k)
		}
	}
}

// TestTooShortOperandsPanic: assembly is not shown memory past the end of a slice.
func TestTooShortOperandsPanic(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	for _, f := range allTwins() {
		for k := 1; k < f.inputs; k++ {
			if f.name == "Adam" && k < 3 {
				continue // of these it gets copies
			}
			from := f.sample(random, 40)
			from[k] = from[k][:39:39]
			require.Panics(t, func() { f.results(from) }, "%s, operand %d", f.name, k)
		}
	}
}

// TestShortOnesAllocateNothing: layers call these for each row.
func TestShortOnesAllocateNothing(t *testing.T) {
	x, y := make([]float32, 100), make([]float32, 100)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		Axpy(y, 2, x)
		Scale(y, x, 2)
		SoftmaxRow(y, x)
		SoftmaxGradRow(y, y, x)
		LogSoftmaxRow(y, x)
		LogSoftmaxGradRow(y, y, x)
		y[0] = Dot(x, y) + Sum(x) + float32(SumSquares(x))
		AddTo(y, x)
		Mul(y, y, x)
	}))
}
