package op

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestInputsOfOddLayout: views and transposed tensors are read in the order of their shape, and left as
// they are.
func TestInputsOfOddLayout(t *testing.T) {
	base := func() *tensor.Dense {
		data := make([]float64, 24)
		for i := range data {
			data[i] = float64(i)
		}
		return tensor.New(tensor.WithShape(4, 6), tensor.WithBacking(data))
	}
	view := func(s ...tensor.Slice) *tensor.Dense {
		v, err := base().Slice(s...)
		require.NoError(t, err)
		return v.(*tensor.Dense)
	}
	turned := base()
	require.NoError(t, turned.T())
	for name, c := range map[string]struct {
		value *tensor.Dense
		want  []float64
	}{
		"columns":    {view(nil, gorgonia.S(2, 4)), []float64{2, 3, 8, 9, 14, 15, 20, 21}},
		"rows":       {view(gorgonia.S(1, 3)), []float64{6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}},
		"block":      {view(gorgonia.S(1, 3), gorgonia.S(4, 6)), []float64{10, 11, 16, 17}},
		"column":     {view(nil, gorgonia.S(5)), []float64{5, 11, 17, 23}},
		"row":        {view(gorgonia.S(2)), []float64{12, 13, 14, 15, 16, 17}},
		"transposed": {turned, []float64{0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23}},
		"by columns": {tensor.New(tensor.WithShape(2, 3), tensor.AsFortran([]float64{0, 3, 1, 4, 2, 5})), nil},
	} {
		before := append([]float64(nil), c.value.Data().([]float64)...)
		if c.want == nil { // as its own iterator has it
			for it := c.value.Iterator(); ; {
				at, err := it.Next()
				if err != nil {
					break
				}
				c.want = append(c.want, before[at])
			}
		}
		got, err := slice[float64](c.value)
		require.NoError(t, err)
		require.Equal(t, c.want, got, name)
		require.Equal(t, before, c.value.Data(), name)
	}
	// A dimension of 1 has any stride: no copy is made for it.
	require.True(t, rowMajor(tensor.Shape{3, 1, 4}, []int{4, 99, 1}))
	require.False(t, rowMajor(tensor.Shape{3, 2, 4}, []int{4, 99, 1}))
}

// TestInputsOfGorgoniasOps: what its ops give is a view for some, of which gradients are right too.
func TestInputsOfGorgoniasOps(t *testing.T) {
	for name, make := range map[string]func(x *gorgonia.Node) (*gorgonia.Node, error){
		"transpose": func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Transpose(x) },
		"columns":   func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Slice(x, nil, gorgonia.S(1, 3)) },
		"rows":      func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Slice(x, gorgonia.S(1, 3)) },
		"reshape":   func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Reshape(x, tensor.Shape{4, 3}) },
	} {
		g, tape := gorgonia.NewGraph(), NewTape()
		x := leaf(g, "x", 3, 4)
		before := append([]float64(nil), elements(t, x.Value())...)
		view, err := make(x)
		require.NoError(t, err)
		y := blend(t, tape, view, view)
		grad(t, tape, y, x)
		for range 2 {
			run(t, g, 1)
			seen := map[float64]bool{}
			in := elements(t, view.Value())
			for i, v := range elements(t, y.Value()) {
				require.Equal(t, in[i]*in[i]+in[i], v, name)
				seen[in[i]] = true
			}
			require.Equal(t, before, elements(t, x.Value()), name)
			dx, err := x.Grad()
			require.NoError(t, err)
			for i, d := range elements(t, dx) {
				want := 0.0
				if seen[before[i]] {
					want = 2*before[i] + 1
				}
				require.Equal(t, want, d, "%s at %d", name, i)
			}
		}
		require.Equal(t, map[string][]float64{
			"transpose": {1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12},
			"columns":   {2, 3, 6, 7, 10, 11},
			"rows":      before[4:],
			"reshape":   before,
		}[name], elements(t, view.Value()))
	}
}

func TestScalars(t *testing.T) {
	g, tape := gorgonia.NewGraph(), NewTape()
	a := gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName("a"), gorgonia.WithValue(3.0))
	b := gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName("b"), gorgonia.WithValue(5.0))
	y := blend(t, tape, a, b)
	require.True(t, y.IsScalar())
	grad(t, tape, y, a, b)
	run(t, g, 2)
	require.Equal(t, 18.0, y.Value().Data())
	da, err := a.Grad()
	require.NoError(t, err)
	db, err := b.Grad()
	require.NoError(t, err)
	require.Equal(t, []any{6.0, 3.0}, []any{da.Data(), db.Data()})
}

func TestValueOfAnotherType(t *testing.T) {
	_, err := slice[float64](tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2})))
	require.EqualError(t, err, "a value of []float32: want []float64")
}

// TestRunsAllocateNoData: what many runs of a warm graph allocate, all together, is less than one tensor.
func TestRunsAllocateNoData(t *testing.T) {
	const runs, size = 100, 1 << 16
	g, tape := gorgonia.NewGraph(), NewTape()
	a, b := leaf(g, "a", size), leaf(g, "b", size)
	y := blend(t, tape, blend(t, tape, a, b), b)
	z, err := Reshape(tape, y, 2, -1)
	require.NoError(t, err)
	grad(t, tape, z, a, b)
	require.NoError(t, Keep(g))
	m := gorgonia.NewTapeMachine(g)
	once := func() {
		require.NoError(t, m.RunAll())
		m.Reset()
	}
	once()
	at := z.Value()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		once()
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size*8))
	require.Same(t, at, z.Value(), "the memory of a result is one for all runs")
}

// TestResultsShareNothing: a result that has the numbers of its input has them in memory of its own.
func TestResultsShareNothing(t *testing.T) {
	g, tape := gorgonia.NewGraph(), NewTape()
	x := leaf(g, "x", 2, 3)
	y, err := Reshape(tape, x, 3, 2)
	require.NoError(t, err)
	grad(t, tape, y, x)
	run(t, g, 1)
	require.Equal(t, elements(t, x.Value()), elements(t, y.Value()))
	y.Value().Data().([]float64)[0] = 77
	require.Equal(t, 1.0, elements(t, x.Value())[0])
}
