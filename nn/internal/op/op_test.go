package op

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// blended is y = a b + a, of two tensors of one shape. Its gradients are made of the inputs and of the
// result, so that they are wrong if one of those is not what it was.
func blended[T kernel.Float](name string, calls *int) Function[T] {
	return Function[T]{
		Name: name,
		Forward: func(c *Call[T]) error {
			*calls++
			for i, a := range c.In[0] {
				c.Out[i] = a*c.In[1][i] + a
			}
			return nil
		},
		Backward: func(c *Call[T]) error {
			for i, dy := range c.Grad {
				if c.DIn[0] != nil {
					c.DIn[0][i] = dy * (c.In[1][i] + 1)
				}
				if c.DIn[1] != nil {
					c.DIn[1][i] = dy * (c.Out[i] - c.In[0][i]*c.In[1][i])
				}
			}
			return nil
		},
	}
}

func blend(t *testing.T, tape *Tape, a, b *gorgonia.Node) *gorgonia.Node {
	t.Helper()
	calls := 0
	n, err := Apply(tape, a.Shape(), blended[float32]("blend", &calls), blended[float64]("blend", &calls), a, b)
	require.NoError(t, err)
	return n
}

// leaf is a node with a value of 1, 2, 3, ...
func leaf(g *gorgonia.ExprGraph, name string, shape ...int) *gorgonia.Node {
	data := make([]float64, tensor.Shape(shape).TotalSize())
	for i := range data {
		data[i] = float64(i + 1)
	}
	v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	return gorgonia.NewTensor(g, tensor.Float64, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(v))
}

// run computes a graph the given number of times.
func run(t *testing.T, g *gorgonia.ExprGraph, times int) {
	t.Helper()
	require.NoError(t, Keep(g))
	m := gorgonia.NewTapeMachine(g)
	for range times {
		require.NoError(t, m.RunAll())
		m.Reset()
	}
}

func elements(t *testing.T, v gorgonia.Value) []float64 {
	t.Helper()
	x, err := slice[float64](v)
	require.NoError(t, err)
	return x
}

// grad adds the gradients of the sum of y.
func grad(t *testing.T, tape *Tape, y *gorgonia.Node, of ...*gorgonia.Node) {
	t.Helper()
	loss := y
	if y.Dims() > 0 {
		ones := tensor.New(tensor.WithShape(y.Shape()...), tensor.WithBacking(repeated(1, y.Shape().TotalSize())))
		w := gorgonia.NewTensor(y.Graph(), tensor.Float64, y.Dims(), gorgonia.WithShape(y.Shape()...), gorgonia.WithName("ones"), gorgonia.WithValue(ones))
		tape.Fix(w)
		var err error
		loss, err = Dot(tape, y, w)
		require.NoError(t, err)
	}
	_, err := gorgonia.Grad(loss, of...)
	require.NoError(t, err)
}

func repeated(x float64, n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = x
	}
	return all
}

// TestFailuresNameTheFunction: a panic would end the process, for it is on a goroutine of Gorgonia's.
func TestFailuresNameTheFunction(t *testing.T) {
	fine := func(c *Call[float64]) error { copy(c.Out, c.In[0]); return nil }
	for name, fail := range map[string]func(*Call[float64]) error{
		"bang":               func(*Call[float64]) error { panic("bang") },
		"index out of range": func(c *Call[float64]) error { c.In[0][len(c.In[0])+len(c.Out)] = 1; return nil },
		"refused":            func(*Call[float64]) error { return errors.New("refused") },
	} {
		for where, f := range map[string]Function[float64]{
			"fails: ":      {Name: "fails", Forward: fail, Backward: fine},
			"fails_grad: ": {Name: "fails", Forward: fine, Backward: fail},
		} {
			g, tape := gorgonia.NewGraph(), NewTape()
			x := leaf(g, "x", 2)
			y, err := Apply(tape, tensor.Shape{2}, Function[float32]{}, f, x)
			require.NoError(t, err)
			grad(t, tape, y, x)
			err = gorgonia.NewTapeMachine(g).RunAll()
			require.ErrorContains(t, err, where)
			require.ErrorContains(t, err, name)
		}
	}
}

func TestShapesAtRunTime(t *testing.T) {
	for _, other := range [][]int{{3, 2}, {6}, {6, 1}, {2, 3, 1}} {
		g, tape := gorgonia.NewGraph(), NewTape()
		x := leaf(g, "x", 2, 3)
		y, err := Tanh(tape, x)
		require.NoError(t, err)
		m := gorgonia.NewTapeMachine(g)
		require.NoError(t, m.RunAll())
		m.Reset()
		require.NoError(t, x.Value().(*tensor.Dense).Reshape(other...))
		want := fmt.Sprintf("tanh: input 0 has shape %v at run time, and had (2, 3) when", tensor.Shape(other))
		require.ErrorContains(t, m.RunAll(), want, "%v", y)
	}
	// Gorgonia takes these two for one shape.
	require.False(t, sameShape(tensor.Shape{3}, tensor.Shape{3, 1}))
	require.True(t, sameShape(tensor.Shape{3, 1}, tensor.Shape{3, 1}))
}

func TestDtypes(t *testing.T) {
	g, tape := gorgonia.NewGraph(), NewTape()
	node := func(name string, dt tensor.Dtype) *gorgonia.Node {
		return gorgonia.NewTensor(g, dt, 1, gorgonia.WithShape(3), gorgonia.WithName(name))
	}
	f32, f64, index, other := node("f32", tensor.Float32), node("f64", tensor.Float64), node("index", tensor.Int), node("other", tensor.Int64)
	for want, in := range map[string][]*gorgonia.Node{
		"mixed: input 1 (f64) is of float64, those before it of float32":                {f32, f64},
		"mixed: input 2 (other) is of int64: want float32, float64, or int":             {index, f32, other},
		"mixed: none of its 1 inputs is of float32 or float64":                          {index},
		"mixed: input 2 (f32) is of float32, those before it of float64":                {f64, index, f32},
		"mixed: input 0 (other) is of int64: want float32, float64, or int for indices": {other},
		"mixed: none of its 0 inputs is of float32 or float64":                          {},
	} {
		_, err := Apply(tape, tensor.Shape{3}, Function[float32]{Name: "mixed"}, Function[float64]{Name: "mixed"}, in...)
		require.ErrorContains(t, err, want)
	}
}

// TestIndicesAreApart: they come in Index, the others in In, each in its place, and have no gradient.
func TestIndicesAreApart(t *testing.T) {
	g, tape := gorgonia.NewGraph(), NewTape()
	x := leaf(g, "x", 4)
	at := gorgonia.NewTensor(g, tensor.Int, 1, gorgonia.WithShape(3), gorgonia.WithName("at"),
		gorgonia.WithValue(tensor.New(tensor.WithShape(3), tensor.WithBacking([]int{2, 0, 2}))))
	taken := Function[float64]{
		Name: "take",
		Forward: func(c *Call[float64]) error {
			require.Nil(t, c.In[0])
			require.Nil(t, c.Index[1])
			for i, from := range c.Index[0] {
				c.Out[i] = c.In[1][from]
			}
			return nil
		},
		Backward: func(c *Call[float64]) error {
			require.Nil(t, c.DIn[0])
			require.Len(t, c.Index, 2)
			clear(c.DIn[1])
			for i, to := range c.Index[0] {
				c.DIn[1][to] += c.Grad[i]
			}
			return nil
		},
	}
	y, err := Apply(tape, tensor.Shape{3}, Function[float32]{}, taken, at, x)
	require.NoError(t, err)
	grad(t, tape, y, x)
	run(t, g, 2)
	require.Equal(t, []float64{3, 1, 3}, elements(t, y.Value()))
	dx, err := x.Grad()
	require.NoError(t, err)
	require.Equal(t, []float64{1, 0, 2, 0}, elements(t, dx))
}

// TestNodesAreNotMerged: what is one computation to Gorgonia is two to a function that keeps something.
func TestNodesAreNotMerged(t *testing.T) {
	g, tape := gorgonia.NewGraph(), NewTape()
	a, b := leaf(g, "a", 3), leaf(g, "b", 3)
	calls := 0
	f := blended[float64]("blend", &calls)
	y, err := Apply(tape, a.Shape(), Function[float32]{}, f, a, b)
	require.NoError(t, err)
	z, err := Apply(tape, a.Shape(), Function[float32]{}, f, a, b)
	require.NoError(t, err)
	require.NotEqual(t, y.Hashcode(), z.Hashcode())
	run(t, g, 2)
	require.Equal(t, 4, calls)
	require.Equal(t, y.Value().Data(), z.Value().Data())
	require.NotSame(t, y.Value(), z.Value())
}
