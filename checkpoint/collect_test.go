package checkpoint

// These tests are about models that cannot be saved or loaded as they are.

import (
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A listed is a Model that yields just what it holds.
type listed []struct {
	name string
	v    gorgonia.Valuer
}

func (l listed) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	return func(yield func(string, gorgonia.Valuer) bool) {
		for _, x := range l {
			if !yield(x.name, x.v) {
				return
			}
		}
	}
}

// problemsOf requires that neither saving nor loading works, for one reason.
func problemsOf(t *testing.T, m Model) []Problem {
	t.Helper()
	path := t.TempDir() + "/m.safetensors"
	err := SaveModel(t.Context(), path, m, nil)
	require.NoFileExists(t, path)
	_, loadErr := ReadModel(t.Context(), fileFrom(t, nil), m, nil)
	require.Equal(t, err, loadErr)
	require.ErrorIs(t, err, ErrModel)
	var e *ModelError
	require.ErrorAs(t, err, &e)
	return e.Problems
}

func TestEveryBadNameIsListed(t *testing.T) {
	held := func() gorgonia.Valuer { return heldValue{counting(2)} }
	same := held()
	g := gorgonia.NewGraph()
	bare := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(2))
	require.Equal(t, []Problem{
		{"", "no name; give the node one with gorgonia.WithName"},
		{"", "no name; give the node one with gorgonia.WithName"},
		{"%!s(<nil>)()", "the name that Gorgonia prints for a node without one; use gorgonia.WithName"},
		{"__metadata__", "the name is the file format's own"},
		{"a\xff", "the name is not UTF-8"},
		{"nil", "nil"},
		{"nil node", "nil"},
		{"twice", "two different tensors of that name"},
	}, problemsOf(t, listed{
		{"twice", held()},
		{"fine", held()},
		{"nil", nil},
		{"", held()},
		{"a\xff", held()},
		{"twice", held()},
		{"nil node", (*gorgonia.Node)(nil)},
		{"__metadata__", held()},
		{"", held()},
		{bare.Name(), held()},
		{"same", same},
		{"same", same},
	}))
}

func TestNodesThatCannotBeSaved(t *testing.T) {
	g := gorgonia.NewGraph()
	w := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(2), gorgonia.WithName("w"))
	op := gorgonia.Must(gorgonia.Tanh(w))
	shapeless := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName("shapeless"))
	odd := gorgonia.NewScalar(g, tensor.Complex64, gorgonia.WithName("odd"))
	empty := heldValue{nil}
	require.Equal(t, []Problem{
		{"empty", "no value, and a checkpoint.heldValue cannot be given one"},
		{"odd", "Gorgonia has no scalar of dtype complex64"},
		{"op", "no value, and the node cannot be given one: it is the result of an op"},
		{"shapeless", "neither value nor shape; give the node one with gorgonia.WithShape"},
	}, problemsOf(t, listed{{"w", w}, {"op", op}, {"shapeless", shapeless}, {"odd", odd}, {"empty", empty}}))

	// A node that is only without a value can be loaded into, and not saved.
	err := SaveModel(t.Context(), t.TempDir()+"/m", FromNodes(w), nil)
	require.ErrorContains(t, err, `"w": no value yet`)
	mustLoad(t, fileFrom(t, nil, floatsIn("w", []int{2}, 1, 2)), FromNodes(w), nil)
	require.NoError(t, SaveModel(t.Context(), t.TempDir()+"/m", FromNodes(w), nil))
}

// What is listed twice is one, also where there is nothing yet to compare.
func TestListedTwiceIsOne(t *testing.T) {
	n := gorgonia.NewVector(gorgonia.NewGraph(), gorgonia.Float32, gorgonia.WithShape(2), gorgonia.WithName("w"))
	late := &lateParam{shape: tensor.Shape{2}}
	none := heldValue{counting(0)}
	m := listed{{"w", n}, {"w", n}, {"late", late}, {"none", none}, {"late", late}, {"none", none}, {"w", n}}
	report := mustLoad(t, fileFrom(t, nil, floatsIn("w", []int{2}, 1, 2), floatsIn("late", []int{2}, 3, 4), floatsIn("none", []int{0})), m, nil)
	require.Equal(t, []string{"late", "none", "w"}, report.Loaded)
	require.Equal(t, 1, late.binds)
	require.Equal(t, []string{"late", "none", "w"}, openPath(t, saved(t, m, nil)).Names())

	// Two owners of one tensor may share a name.
	d := counting(2)
	require.Equal(t, 1, openPath(t, saved(t, listed{{"x", heldValue{d}}, {"x", &lateParam{value: d}}}, nil)).Len())
}

// A nil pointer in an interface is no value.
func TestNilTensorIsNoValue(t *testing.T) {
	p := &lateParam{shape: tensor.Shape{2}, value: (*tensor.Dense)(nil)}
	mustLoad(t, fileFrom(t, nil, floatsIn("p", []int{2}, 3, 4)), listed{{"p", p}}, nil)
	require.Equal(t, []float32{3, 4}, p.value.Data())
}

func TestModelsWithoutParameters(t *testing.T) {
	for _, m := range []Model{FromNodes(), FromMap(map[string]*gorgonia.Node{}), Group(nil), FromGraph(gorgonia.NewGraph(), nil), listed{}} {
		require.Equal(t, []Problem{{"", "the model has no parameters (a graph's learnable nodes are known only after gorgonia.Grad)"}}, problemsOf(t, m))
	}
	require.Equal(t, []Problem{{"", "no model: nil"}}, problemsOf(t, nil))
}

// normed is a perceptron with a batch normalisation.
func normed(t *testing.T) (weights []*gorgonia.Node, op *gorgonia.BatchNormOp) {
	g := gorgonia.NewGraph()
	matrix := func(name string, init gorgonia.InitWFn, shape ...int) *gorgonia.Node {
		return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName(name), gorgonia.WithShape(shape...), gorgonia.WithInit(init))
	}
	x, w := matrix("x", gorgonia.GlorotN(1), 4, 3), matrix("w", gorgonia.GlorotN(1), 3, 2)
	scale, bias := matrix("scale", gorgonia.Ones(), 4, 2), matrix("bias", gorgonia.Zeroes(), 4, 2)
	_, _, _, op, err := gorgonia.BatchNorm(gorgonia.Must(gorgonia.Mul(x, w)), scale, bias, 0.1, 1e-5)
	require.NoError(t, err)
	return []*gorgonia.Node{w, scale, bias}, op
}

// Running statistics that nobody would save are found through the graph.
func TestBatchNormMustBeCovered(t *testing.T) {
	weights, op := normed(t)
	path := t.TempDir() + "/m"
	saveErr := SaveModel(t.Context(), path, FromNodes(weights...), nil)
	_, loadErr := LoadModel(t.Context(), path, FromNodes(weights[0]), nil)
	for _, err := range []error{saveErr, loadErr} {
		require.ErrorIs(t, err, ErrBatchNorm)
		var e *BatchNormError
		require.ErrorAs(t, err, &e)
		require.Len(t, e.Nodes, 1)
		require.ErrorContains(t, err, "checkpoint.FromBatchNorm(")
	}
	require.NoFileExists(t, path)

	covered := Group(map[string]Model{"": FromNodes(weights...), "bn": FromBatchNorm(map[string]*gorgonia.BatchNormOp{"1": op})})
	require.NoError(t, SaveModel(t.Context(), path, covered, nil))
	f := openPath(t, path)
	require.Equal(t, []string{"bias", "bn.1.running_mean", "bn.1.running_var", "scale", "w"}, f.Names())

	// What is covered may be left out on purpose.
	require.NoError(t, SaveModel(t.Context(), path, covered, &SaveOptions{Only: func(p string) bool { return p == "w" }}))
}

// The statistics that were loaded are those that the graph evaluates with.
func TestBatchNormStatisticsAreLoadedInPlace(t *testing.T) {
	_, op := normed(t)
	mean, variance := op.Stats()
	m := FromBatchNorm(map[string]*gorgonia.BatchNormOp{"1": op})
	c := mean.Shape()
	mustLoad(t, fileFrom(t, nil, floatsIn("1.running_mean", c, count(1, c.TotalSize())...), floatsIn("1.running_var", c, count(5, c.TotalSize())...)), m, nil)
	got, gotVar := op.Stats()
	require.Same(t, mean, got)
	require.Equal(t, count(1, c.TotalSize()), got.Data())
	require.Same(t, variance, gotVar)
	require.Equal(t, count(5, c.TotalSize()), gotVar.Data())
}

// What CheckGraph complains about does not stand in the way of a save.
func TestFaultyGraphsCanBeSaved(t *testing.T) {
	g := gorgonia.NewGraph()
	a := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithName("same"), gorgonia.WithValue(counting(2)))
	b := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithName("same"), gorgonia.WithValue(counting(3)))
	require.Error(t, CheckGraph(g))
	require.NoError(t, SaveModel(t.Context(), t.TempDir()+"/m", FromMap(map[string]*gorgonia.Node{"a": a, "b": b}), nil))
	require.Equal(t, []Problem{{"same", "two different tensors of that name"}}, problemsOf(t, FromNodes(a, b)))
}

// The list in the text is short, whatever the number.
func TestEnumerate(t *testing.T) {
	require.Equal(t, "1 thing: a", enumerate(1, "thing", []string{"a"}))
	require.Equal(t, "2 things: a; b", enumerate(2, "thing", []string{"a", "b"}))
	require.Equal(t, "12 things: a; a; a; a; a; a; a; a; a; a; and 2 more", enumerate(12, "thing", []string{"a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a"}))
}
