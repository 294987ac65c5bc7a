package checkpoint

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// convNorm is a convolution and two batch normalisations, with gradients.
type convNorm struct {
	g            *gorgonia.ExprGraph
	x            *gorgonia.Node
	learnables   gorgonia.Nodes
	norm1, norm2 *gorgonia.BatchNormOp
}

func newConvNorm(t *testing.T) *convNorm {
	g := gorgonia.NewGraph()
	variable := func(name string, shape ...int) *gorgonia.Node {
		return gorgonia.NewTensor(g, gorgonia.Float32, 4, gorgonia.WithShape(shape...), gorgonia.WithName(name),
			gorgonia.WithInit(gorgonia.GlorotN(1)))
	}
	c := &convNorm{g: g, x: variable("x", 2, 1, 6, 6)}
	h := c.x
	for i, norm := range []**gorgonia.BatchNormOp{&c.norm1, &c.norm2} {
		w := variable(fmt.Sprintf("conv%d.weight", i+1), 3, h.Shape()[1], 3, 3)
		scale, bias := variable(fmt.Sprintf("bn%d.weight", i+1), 1, 3, 1, 1), variable(fmt.Sprintf("bn%d.bias", i+1), 1, 3, 1, 1)
		h = gorgonia.Must(gorgonia.Conv2d(h, w, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
		var err error
		h, _, _, *norm, err = gorgonia.BatchNorm(h, scale, bias, 0.1, 1e-5)
		require.NoError(t, err)
		h = gorgonia.Must(gorgonia.Rectify(h))
		c.learnables = append(c.learnables, w, scale, bias)
	}
	_, err := gorgonia.Grad(gorgonia.Must(gorgonia.Mean(h)), c.learnables...)
	require.NoError(t, err)
	return c
}

func (c *convNorm) normModel() Model {
	return FromBatchNorm(map[string]*gorgonia.BatchNormOp{"1": c.norm1, "2": c.norm2})
}

// requireFloats compares a Valuer's numbers.
func requireFloats(t *testing.T, v gorgonia.Valuer, want ...float32) {
	t.Helper()
	require.NotNil(t, v)
	require.Equal(t, want, v.Value().Data())
}

func TestFromBatchNormIsLive(t *testing.T) {
	c := newConvNorm(t)
	got := valuersIn(t, c.normModel())
	mean, variance := got["1.running_mean"], got["1.running_var"]
	before := mean.Value()

	require.NoError(t, c.norm1.SetStats(float32s(1, 2, 3), float32s(4, 5, 6)))
	requireFloats(t, mean, 1, 2, 3)
	requireFloats(t, variance, 4, 5, 6)
	requireFloats(t, got["2.running_mean"], 0, 0, 0)

	// The reason for "load after the machine is made".
	machine := gorgonia.NewTapeMachine(c.g, gorgonia.BindDualValues(c.learnables...))
	defer machine.Close()
	requireFloats(t, mean, 0, 0, 0)
	requireFloats(t, variance, 1, 1, 1)

	// In place is enough: what is written behind Value is what the op evaluates with.
	copy(mean.Value().Data().([]float32), []float32{7, 8, 9})
	stored, _ := c.norm1.Stats()
	require.Equal(t, []float32{7, 8, 9}, stored.Data())
	require.Same(t, before, mean.Value())

	require.NoError(t, machine.RunAll())
	require.NotEqual(t, []float32{7, 8, 9}, mean.Value().Data(), "a training run moves the statistics")
}

func TestFromBatchNormWithoutOp(t *testing.T) {
	got := valuersIn(t, FromBatchNorm(map[string]*gorgonia.BatchNormOp{"none": nil, "zero": {}}))
	require.Len(t, got, 4)
	require.Nil(t, got["none.running_mean"])
	require.Nil(t, got["none.running_var"])
	require.True(t, got["zero.running_mean"].Value() == nil, "not a nil pointer in an interface")
	require.True(t, got["zero.running_var"].Value() == nil)
}

// covering makes the question that uncoveredBatchNorm asks out of models.
func covering(models ...Model) func(tensor.Tensor) bool {
	known := map[gorgonia.Value]bool{}
	for _, m := range models {
		for _, v := range m.StateDict() {
			known[v.Value()] = true
		}
	}
	return func(t tensor.Tensor) bool { return known[t] }
}

func TestUncoveredBatchNorm(t *testing.T) {
	c := newConvNorm(t)
	nodes := append(gorgonia.Nodes{nil}, c.learnables...)
	weights := FromNodes(c.learnables...)

	missing := uncoveredBatchNorm(nodes, covering(weights))
	require.Len(t, missing, 2, "each op once, though gradients wrap them")
	require.Same(t, c.norm1, missing[0].Op())
	require.Same(t, c.norm2, missing[1].Op())

	require.Empty(t, uncoveredBatchNorm(nodes, covering(weights, c.normModel())))
	require.Empty(t, uncoveredBatchNorm(nil, covering()))
	plain := namedVector(gorgonia.NewGraph(), "w")
	noGraph := plain.Clone().(*gorgonia.Node)
	require.Empty(t, uncoveredBatchNorm([]*gorgonia.Node{noGraph, plain}, covering()))

	first := FromBatchNorm(map[string]*gorgonia.BatchNormOp{"1": c.norm1})
	missing = uncoveredBatchNorm(nodes, covering(first))
	require.Len(t, missing, 1)
	require.Same(t, c.norm2, missing[0].Op())

	mean, variance := c.norm1.Stats()
	for _, half := range []tensor.Tensor{mean, variance} {
		missing = uncoveredBatchNorm(nodes, func(t tensor.Tensor) bool { return t == half })
		require.Len(t, missing, 2, "one statistic without the other is none")
	}
}

func TestUncoveredBatchNormCountsOpsOnce(t *testing.T) {
	a, b := newConvNorm(t), newConvNorm(t)
	both := append(append(gorgonia.Nodes{}, a.learnables...), b.learnables...)
	require.Len(t, uncoveredBatchNorm(both, covering()), 4)

	clone := a.g.Clone().(*gorgonia.ExprGraph) // shares the ops
	require.Len(t, uncoveredBatchNorm(append(clone.AllNodes()[:1:1], a.learnables...), covering()), 2)
}

// Of two batch normalisations on one input Gorgonia keeps the first: the second op
// is in no graph, and its statistics never move. Covering it must not count.
func TestUncoveredBatchNormIsNotFooledByMergedOps(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("x"), gorgonia.WithInit(gorgonia.GlorotN(1)))
	scale := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(1, 3), gorgonia.WithName("scale"), gorgonia.WithInit(gorgonia.Ones()))
	bias := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(1, 3), gorgonia.WithName("bias"), gorgonia.WithInit(gorgonia.Zeroes()))
	_, _, _, first, err := gorgonia.BatchNorm(x, scale, bias, 0.1, 1e-5)
	require.NoError(t, err)
	_, _, _, second, err := gorgonia.BatchNorm(x, scale, bias, 0.1, 1e-5)
	require.NoError(t, err)
	require.NotSame(t, first, second)

	missing := uncoveredBatchNorm(gorgonia.Nodes{x}, covering(FromBatchNorm(map[string]*gorgonia.BatchNormOp{"bn": second})))
	require.Len(t, missing, 1)
	require.Same(t, first, missing[0].Op())
}

func TestBatchNormErrorNamesTheLayers(t *testing.T) {
	c := newConvNorm(t)
	err := error(newBatchNormError(uncoveredBatchNorm(c.learnables, covering())))
	require.ErrorIs(t, err, ErrBatchNorm)
	require.ErrorContains(t, err, "2 in the graph")
	require.ErrorContains(t, err, `with scale "bn1.weight"`)
	require.ErrorContains(t, err, `with scale "bn2.weight"`)
	require.ErrorContains(t, err, "checkpoint.FromBatchNorm(")

	var e *BatchNormError
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Nodes, 2)
	require.NotEqual(t, e.Nodes[0], e.Nodes[1])
}

// Without a scale that has a name, what Gorgonia prints has to do.
func TestBatchNormErrorWithoutScaleName(t *testing.T) {
	g := gorgonia.NewGraph()
	ones := tensor.New(tensor.WithShape(1, 3), tensor.WithBacking([]float32{1, 1, 1}))
	x := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("x"), gorgonia.WithInit(gorgonia.GlorotN(1)))
	bias := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(1, 3), gorgonia.WithName("bias"), gorgonia.WithInit(gorgonia.Zeroes()))
	h := x
	for _, scale := range []*gorgonia.Node{
		g.AddNode(gorgonia.NewConstant(ones)),
		gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithValue(ones)),
	} {
		var err error
		h, _, _, _, err = gorgonia.BatchNorm(gorgonia.Must(gorgonia.Tanh(h)), scale, bias, 0.1, 1e-5)
		require.NoError(t, err)
	}
	// An op may also be applied by hand, with no scale, or one that is a number.
	_, _, _, op, err := gorgonia.BatchNorm(x, bias, bias, 0.1, 1e-5)
	require.NoError(t, err)
	other := gorgonia.NewGraph()
	y := gorgonia.NewMatrix(other, gorgonia.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("y"))
	gorgonia.Must(gorgonia.ApplyOp(op, y))
	_, _, _, op, err = gorgonia.BatchNorm(bias, bias, bias, 0.1, 1e-5)
	require.NoError(t, err)
	z := gorgonia.NewMatrix(gorgonia.NewGraph(), gorgonia.Float32, gorgonia.WithShape(1, 3), gorgonia.WithName("z"))
	gorgonia.Must(gorgonia.Mul(gorgonia.NewConstant(float32(2)), gorgonia.Must(gorgonia.ApplyOp(op, z))))

	e := newBatchNormError(uncoveredBatchNorm(gorgonia.Nodes{y, z, x}, covering()))
	require.Len(t, e.Nodes, 4)
	for _, name := range e.Nodes {
		require.Regexp(t, `^"batchnorm-[^"]*"$`, name)
	}
}
