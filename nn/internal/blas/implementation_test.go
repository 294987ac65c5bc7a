package blas_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	gonumblas "gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/blas"
)

var _ gorgonia.BLAS = blas.Implementation{}

// gemv and gemm take and give what gonum's do, with any distance between elements.
func TestImplementationIsGonums(t *testing.T) {
	eachLibrary(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		draw32, draw64 := make([]float32, 200), make([]float64, 200)
		for i := range draw64 {
			draw32[i] = random.Float32()
			draw64[i] = float64(draw32[i])
		}
		var ours blas.Implementation
		var theirs gonum.Implementation
		for _, trans := range []gonumblas.Transpose{gonumblas.NoTrans, gonumblas.Trans, gonumblas.ConjTrans} {
			for _, inc := range [][2]int{{1, 1}, {2, 3}, {-1, 2}, {2, -1}} {
				both := func(f func(b tensor.BLAS, y32 []float32, y64 []float64)) {
					got32, got64, want32, want64 := clone(draw32), clone(draw64), clone(draw32), clone(draw64)
					f(ours, got32, got64)
					f(theirs, want32, want64)
					require.InDeltaSlice(t, want32, got32, 1e-5)
					require.InDeltaSlice(t, want64, got64, 1e-14)
				}
				both(func(b tensor.BLAS, y32 []float32, y64 []float64) {
					b.Sgemv(trans, 5, 7, 0.5, draw32, 9, draw32, inc[0], 0.25, y32, inc[1])
					b.Dgemv(trans, 5, 7, 0.5, draw64, 9, draw64, inc[0], 0.25, y64, inc[1])
				})
				both(func(b tensor.BLAS, y32 []float32, y64 []float64) {
					b.Sgemm(trans, gonumblas.NoTrans, 3, 4, 5, 0.5, draw32, 9, draw32, 8, 0.25, y32, 6)
					b.Dgemm(gonumblas.NoTrans, trans, 3, 4, 5, 0.5, draw64, 9, draw64, 8, 0.25, y64, 6)
				})
			}
		}
	})
}

func clone[T any](x []T) []T { return append([]T{}, x...) }

// A product of Gorgonia's own has the bits of Gemm.
func TestGorgoniaMultipliesWithIt(t *testing.T) {
	old := gorgonia.WhichBLAS()
	gorgonia.Use(blas.Implementation{})
	defer gorgonia.Use(old)
	eachLibrary(t, func(t *testing.T) {
		e := newExample[float32](false, false, 65, 33, 130, 0, 1, 0)
		g := gorgonia.NewGraph()
		a := gorgonia.NodeFromAny(g, tensor.New(tensor.WithShape(e.m, e.k), tensor.WithBacking(e.a)))
		b := gorgonia.NodeFromAny(g, tensor.New(tensor.WithShape(e.k, e.n), tensor.WithBacking(e.b)))
		c := gorgonia.Must(gorgonia.Mul(a, b))
		machine := gorgonia.NewTapeMachine(g)
		defer machine.Close()
		require.NoError(t, machine.RunAll())
		require.Equal(t, e.run(blas.Gemm[float32]), c.Value().Data())

		x := tensor.New(tensor.WithShape(e.k), tensor.WithBacking(e.b[:e.k]))
		y, err := a.Value().(*tensor.Dense).MatVecMul(x)
		require.NoError(t, err)
		want := make([]float32, e.m)
		blas.Gemm(false, false, e.m, 1, e.k, 1, e.a, e.lda, e.b, 1, 0, want, 1)
		require.Equal(t, want, y.Data())
	})
}
