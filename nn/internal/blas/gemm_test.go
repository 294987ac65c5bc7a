package blas_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/nn/internal/blas"
)

// eachLibrary runs a test with gonum and, where it is found, with OpenBLAS.
func eachLibrary(t *testing.T, test func(t *testing.T)) {
	for _, name := range []string{"gonum", "openblas"} {
		t.Run(name, func(t *testing.T) {
			choose(t, name)
			test(t)
		})
	}
}

// choose has a library multiply until the end of the test.
func choose(t testing.TB, name string) {
	t.Helper()
	if err := blas.Choose(name); err != nil && name != "gonum" {
		t.Skipf("%s cannot be tested here: %v", name, err)
	}
	t.Cleanup(func() { require.NoError(t, blas.Choose("")) })
}

type multiply[T blas.Float] = func(transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)

// plain is the definition of gemm.
func plain[T blas.Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	rowA, colA := strides(transA, lda)
	rowB, colB := strides(transB, ldb)
	for i := range m {
		for j := range n {
			sum := 0.0
			for l := range k {
				sum += float64(a[i*rowA+l*colA]) * float64(b[l*rowB+j*colB])
			}
			sum *= float64(alpha)
			if beta != 0 {
				sum += float64(beta) * float64(c[i*ldc+j])
			}
			c[i*ldc+j] = T(sum)
		}
	}
}

// strides is how far apart two elements in a column are, and in a row.
func strides(trans bool, ld int) (row, col int) {
	if trans {
		return 1, ld
	}
	return ld, 1
}

// example is the arguments of one product.
type example[T blas.Float] struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    T
	a, b, c        []T
	lda, ldb, ldc  int
}

// newExample draws matrices whose rows are extra elements apart.
func newExample[T blas.Float](transA, transB bool, m, n, k, extra int, alpha, beta T) example[T] {
	random := rand.New(rand.NewPCG(uint64(m*1000+n), uint64(k)))
	matrix := func(rows, cols int, trans bool) ([]T, int) {
		if trans {
			rows, cols = cols, rows
		}
		x := make([]T, max(0, (rows-1)*(cols+extra)+cols))
		for i := range x {
			x[i] = T(random.NormFloat64())
		}
		return x, max(1, cols+extra)
	}
	e := example[T]{transA: transA, transB: transB, m: m, n: n, k: k, alpha: alpha, beta: beta}
	e.a, e.lda = matrix(m, k, transA)
	e.b, e.ldb = matrix(k, n, transB)
	e.c, e.ldc = matrix(m, n, false)
	return e
}

// run gives C after f.
func (e example[T]) run(f multiply[T]) []T {
	c := append([]T{}, e.c...)
	f(e.transA, e.transB, e.m, e.n, e.k, e.alpha, e.a, e.lda, e.b, e.ldb, e.beta, c, e.ldc)
	return c
}

func (e example[T]) String() string {
	return fmt.Sprintf("%dx%dx%d %v %v alpha %v beta %v ld %d %d %d", e.m, e.n, e.k, e.transA, e.transB, e.alpha, e.beta, e.lda, e.ldb, e.ldc)
}

// requireProduct compares with the definition. The rounding of a sum of k products of about 1
// is some sqrt(k) units.
func requireProduct[T blas.Float](t *testing.T, e example[T], unit float64) {
	t.Helper()
	want := e.run(plain)
	for name, f := range map[string]multiply[T]{"Gemm": blas.Gemm[T], "GemmSerial": blas.GemmSerial[T]} {
		got := e.run(f)
		for i := range want {
			if !(math.Abs(float64(got[i]-want[i])) <= 8*unit*math.Sqrt(float64(e.k)+1)*4) {
				require.FailNow(t, "a wrong product", "%s %v: at %d %v, not %v", name, e, i, got[i], want[i])
			}
		}
	}
}

func TestGemmIsTheDefinition(t *testing.T) {
	eachLibrary(t, func(t *testing.T) {
		testDefinition[float32](t, 0x1p-23)
		testDefinition[float64](t, 0x1p-52)
	})
}

func testDefinition[T blas.Float](t *testing.T, unit float64) {
	sizes := []int{1, 2, 7, 16, 17, 64, 65, 200}
	if raced { // the definition is slow then
		sizes = []int{1, 7, 16, 65}
	}
	for i, m := range sizes {
		for j, n := range sizes {
			k := sizes[(i*2+j*5)%len(sizes)]
			for trans := range 4 {
				extra := (i + j + trans) % 3
				requireProduct(t, newExample[T](trans&1 != 0, trans&2 != 0, m, n, k, extra, 1, 0), unit)
			}
		}
	}
	for _, shape := range [][3]int{{1, 1, 1}, {1, 65, 17}, {65, 1, 17}, {17, 16, 7}, {200, 65, 64}, {3, 4, 0}} {
		for _, alpha := range []T{0, 1, -0.5} {
			for _, beta := range []T{0, 1, 0.25} {
				for trans := range 4 {
					requireProduct(t, newExample(trans&1 != 0, trans&2 != 0, shape[0], shape[1], shape[2], 3, alpha, beta), unit)
				}
			}
		}
	}
}

// What lies between the rows of C belongs to somebody else, and beta 0 says that C is not read.
func TestGemmWritesCAlone(t *testing.T) {
	eachLibrary(t, func(t *testing.T) {
		testNaN[float32](t)
		testNaN[float64](t)
	})
}

func testNaN[T blas.Float](t *testing.T) {
	for _, shape := range [][3]int{{1, 1, 1}, {1, 40, 9}, {40, 1, 9}, {1, 40, 0}, {40, 3, 0}, {17, 19, 23}, {300, 100, 100}} {
		for trans := range 4 {
			for _, alpha := range []T{0, 1} {
				e := newExample(trans&1 != 0, trans&2 != 0, shape[0], shape[1], shape[2], 2, alpha, 0)
				for i := range e.c {
					e.c[i] = T(math.NaN())
				}
				for name, f := range map[string]multiply[T]{"Gemm": blas.Gemm[T], "GemmSerial": blas.GemmSerial[T]} {
					for i, v := range e.run(f) {
						if between := i%e.ldc >= e.n; between != (v != v) {
							require.FailNow(t, "a place that is not C's was written, or NaN stayed", "%s %v at %d: %v", name, e, i, v)
						}
					}
				}
			}
		}
	}
}

func TestBitsDoNotDependOnCores(t *testing.T) {
	eachLibrary(t, func(t *testing.T) {
		testCores[float32](t)
		testCores[float64](t)
	})
}

func testCores[T blas.Float](t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, shape := range [][3]int{{1, 3000, 300}, {3000, 1, 300}, {17, 300, 501}, {129, 131, 67}, {255, 129, 140}, {1000, 33, 40}} {
		for trans := range 4 {
			e := newExample[T](trans&1 != 0, trans&2 != 0, shape[0], shape[1], shape[2], 1, 1, 0.5)
			runtime.GOMAXPROCS(1)
			want := e.run(blas.Gemm[T])
			for _, cores := range []int{1, 2, 8} {
				runtime.GOMAXPROCS(cores)
				require.True(t, slices.Equal(want, e.run(blas.Gemm[T])), "%v on %d", e, cores)
			}
		}
	}
}

func TestGemmAllocatesNothing(t *testing.T) {
	if raced {
		t.Skip("the race detector has pools forget")
	}
	eachLibrary(t, func(t *testing.T) {
		for _, shape := range [][3]int{{8, 8, 8}, {1, 500, 500}, {128, 160, 128}} {
			e := newExample[float32](false, true, shape[0], shape[1], shape[2], 0, 1, 0)
			allocations := testing.AllocsPerRun(20, func() {
				blas.Gemm(e.transA, e.transB, e.m, e.n, e.k, 1, e.a, e.lda, e.b, e.ldb, 0, e.c, e.ldc)
			})
			require.Less(t, allocations, 1.0, e)
		}
	})
}

func TestShortSlicesPanic(t *testing.T) {
	eachLibrary(t, func(t *testing.T) {
		x := make([]float64, 12)
		for _, trans := range []bool{false, true} {
			good := func() {
				blas.Gemm(trans, trans, 3, 3, 4, 1, x, 4-btoi(trans), x, 3+btoi(trans), 0, make([]float64, 9), 3)
			}
			require.NotPanics(t, good)
			require.Panics(t, func() {
				blas.Gemm(trans, trans, 3, 3, 4, 1, x[1:], 4-btoi(trans), x, 3+btoi(trans), 0, make([]float64, 9), 3)
			})
			require.Panics(t, func() {
				blas.Gemm(trans, trans, 3, 3, 4, 1, x, 4-btoi(trans), x[1:], 3+btoi(trans), 0, make([]float64, 9), 3)
			})
			require.Panics(t, func() {
				blas.Gemm(trans, trans, 3, 3, 4, 1, x, 4-btoi(trans), x, 3+btoi(trans), 0, make([]float64, 8), 3)
			})
			require.Panics(t, func() { blas.Gemm(trans, trans, 3, 3, 4, 1, x, 2, x, 4, 0, make([]float64, 9), 3) })
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
