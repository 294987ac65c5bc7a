package checkpoint

// These tests look at the numbers in running graphs: what a load is for.

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// scalerFile holds W = 10, 11, ..., b = 1, 2, 3, 4 and s = 2.
func scalerFile(t testing.TB) *safetensors.File {
	return fileFrom(t, nil,
		floatsIn("w", []int{3, 2}, count(10, 6)...),
		floatsIn("b", []int{2, 2}, count(1, 4)...),
		floatsIn("s", nil, 2))
}

// scaled is what a scaler with those computes from x = (1 2 3; 4 5 6).
var scaled = []float32{2*76 + 1, 2*82 + 2, 2*184 + 3, 2*199 + 4}

func TestCompiledMachineComputesWithWhatWasLoaded(t *testing.T) {
	n := newScaler(t, counting(3, 2), counting(2, 2), 1)
	first := n.run(t)
	require.NotEqual(t, scaled, first)

	w, s := n.w.Value().(*tensor.Dense), n.s.Value()
	raw := &w.Raw[0]
	mustLoad(t, scalerFile(t), n.model(), nil)
	require.Equal(t, scaled, n.run(t))
	require.Same(t, w, n.w.Value())
	require.Same(t, raw, &w.Raw[0])
	require.Same(t, s, n.s.Value())
	require.Equal(t, scaled, n.run(t), "running must not change what was loaded")

	// A failed load is not seen by the machine.
	refused(t, fileFrom(t, nil, floatsIn("w", []int{3, 2}, make([]float32, 6)...)), n.model(), nil)
	require.Equal(t, scaled, n.run(t))
}

// What was saved before training goes on is what comes back.
func TestSaveThenLoadUndoesTraining(t *testing.T) {
	g := gorgonia.NewGraph()
	matrix := func(name string, shape []int, v ...float64) *gorgonia.Node {
		return gorgonia.NewMatrix(g, gorgonia.Float64, gorgonia.WithName(name), gorgonia.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))))
	}
	x := matrix("x", []int{2, 3}, 1, -2, 3, 0.5, 4, -1)
	w := matrix("w", []int{3, 2}, 5, -6, 7, 8, -9, 4)
	cost := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(gorgonia.Must(gorgonia.Mul(x, w))))))
	_, err := gorgonia.Grad(cost, w)
	require.NoError(t, err)
	var loss gorgonia.Value
	gorgonia.Read(cost, &loss)
	machine := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(w))
	defer machine.Close()
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.1))
	step := func() float64 {
		machine.Reset()
		require.NoError(t, machine.RunAll())
		require.NoError(t, solver.Step(gorgonia.NodesToValueGrads(gorgonia.Nodes{w})))
		return loss.Data().(float64)
	}
	step()
	m := FromGraph(g, nil)
	path := saved(t, m, nil)
	next := step()
	for range 5 {
		require.Less(t, step(), next)
	}
	_, err = LoadModel(t.Context(), path, m, nil)
	require.NoError(t, err)
	require.Equal(t, next, step(), "the loss after the load is the one after the save")
}

func TestOtherGraphsSeeWhatWasLoaded(t *testing.T) {
	w, b := counting(3, 2), counting(2, 2)
	one, other := newScaler(t, w, b, 2), newScaler(t, w, b, 2)
	one.run(t)
	other.run(t)
	mustLoad(t, scalerFile(t), one.model(), nil)
	require.Equal(t, scaled, one.run(t))
	require.Equal(t, scaled, other.run(t))
}

// A tie in a graph: embedding and output share one matrix.
func TestTiedNodesComputeWithWhatWasLoaded(t *testing.T) {
	shared := counting(2, 2)
	g := gorgonia.NewGraph()
	node := func(name string, v *tensor.Dense) *gorgonia.Node {
		return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName(name), gorgonia.WithValue(v))
	}
	in, out := node("in", shared), node("out", shared)
	var y gorgonia.Value
	gorgonia.Read(gorgonia.Must(gorgonia.Mul(gorgonia.Must(gorgonia.Mul(node("x", countingFrom(1, 1, 2)), in)), out)), &y)
	machine := gorgonia.NewTapeMachine(g)
	defer machine.Close()
	require.NoError(t, machine.RunAll())

	mustLoad(t, fileFrom(t, nil, floatsIn("out", []int{2, 2}, 1, 1, 0, 1)), FromNodes(in, out), nil)
	machine.Reset()
	require.NoError(t, machine.RunAll())
	require.Equal(t, []float32{1, 4}, y.Data(), "(1 2) times (1 1; 0 1), twice")
}

func TestNodesWithoutValueGetOne(t *testing.T) {
	g := gorgonia.NewGraph()
	scalar := func(name string, dt tensor.Dtype) *gorgonia.Node {
		return gorgonia.NewScalar(g, dt, gorgonia.WithName(name))
	}
	vector := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(3), gorgonia.WithName("vector"))
	cube := gorgonia.NewTensor(g, gorgonia.Float64, 3, gorgonia.WithShape(1, 2, 2), gorgonia.WithName("cube"))
	half := gorgonia.NewVector(g, halfDtype, gorgonia.WithShape(1), gorgonia.WithName("half"))
	nodes := []*gorgonia.Node{
		vector, cube, half, scalar("f64", tensor.Float64), scalar("f32", tensor.Float32), scalar("int", tensor.Int),
		scalar("i64", tensor.Int64), scalar("i32", tensor.Int32), scalar("u8", tensor.Uint8), scalar("bool", tensor.Bool),
	}
	word := numbersIn("int", safetensors.I64, nil, int64(-4))
	if wordDType(safetensors.I64, safetensors.I32) == safetensors.I32 {
		word = numbersIn("int", safetensors.I32, nil, int32(-4))
	}
	f := fileFrom(t, nil,
		floatsIn("vector", []int{3}, 1, 2, 3),
		numbersIn("cube", safetensors.F64, []int{1, 2, 2}, []float64{1, 2, 3, 4}),
		numbersIn("half", safetensors.F16, []int{1}, uint16(0x3c00)),
		numbersIn("f64", safetensors.F64, nil, 0.1), floatsIn("f32", nil, 0.5), word,
		numbersIn("i64", safetensors.I64, nil, int64(1<<40)), numbersIn("i32", safetensors.I32, nil, int32(-5)),
		numbersIn("u8", safetensors.U8, nil, uint8(200)), numbersIn("bool", safetensors.Bool, nil, true))
	report := mustLoad(t, f, FromNodes(nodes...), nil)
	require.Len(t, report.Loaded, len(nodes))
	want := []any{[]float32{1, 2, 3}, []float64{1, 2, 3, 4}, []safetensors.Float16{0x3c00}, 0.1, float32(0.5), -4, int64(1 << 40), int32(-5), uint8(200), true}
	for i, n := range nodes {
		require.Equal(t, want[i], n.Value().Data(), n.Name())
		if n.Shape().Dims() == 0 {
			require.IsNotType(t, &tensor.Dense{}, n.Value(), "Adam panics on 0-d tensors")
		}
	}

	// And saving them gives the file back.
	require.Equal(t, f.Names(), openPath(t, saved(t, FromNodes(nodes...), nil)).Names())
}

// A graph that was compiled before its parameters had values runs with the loaded.
func TestMachineMadeBeforeTheValues(t *testing.T) {
	n := &scaler{g: gorgonia.NewGraph()}
	x := gorgonia.NewMatrix(n.g, gorgonia.Float32, gorgonia.WithName("x"), gorgonia.WithValue(countingFrom(1, 2, 3)))
	n.w = gorgonia.NewMatrix(n.g, gorgonia.Float32, gorgonia.WithName("w"), gorgonia.WithShape(3, 2))
	n.b = gorgonia.NewMatrix(n.g, gorgonia.Float32, gorgonia.WithName("b"), gorgonia.WithShape(2, 2))
	n.s = gorgonia.NewScalar(n.g, gorgonia.Float32, gorgonia.WithName("s"))
	gorgonia.Read(gorgonia.Must(gorgonia.Add(gorgonia.Must(gorgonia.Mul(n.s, gorgonia.Must(gorgonia.Mul(x, n.w)))), n.b)), &n.y)
	n.machine = gorgonia.NewTapeMachine(n.g)
	defer n.machine.Close()
	mustLoad(t, scalerFile(t), n.model(), nil)
	require.Equal(t, scaled, n.run(t))
}

// A lateParam is a parameter of the user's own, with a value only once it has one.
type lateParam struct {
	shape tensor.Shape
	value gorgonia.Value
	fails error
	binds int
}

func (p *lateParam) Value() gorgonia.Value { return p.value }
func (p *lateParam) Shape() tensor.Shape   { return p.shape }
func (p *lateParam) Dtype() tensor.Dtype   { return tensor.Float32 }
func (p *lateParam) Bind(v gorgonia.Value) error {
	p.binds++
	if p.fails != nil {
		return p.fails
	}
	p.value = v
	return nil
}

func TestOwnValuersAreBound(t *testing.T) {
	matrix, scalar, tied := &lateParam{shape: tensor.Shape{2, 2}}, &lateParam{}, &lateParam{shape: tensor.Shape{2}}
	m := FromMap(map[string]*lateParam{"matrix": matrix, "scalar": scalar, "tied": tied, "too": tied})
	stored := []safetensors.Source{floatsIn("matrix", []int{2, 2}, 1, 2, 3, 4), floatsIn("scalar", nil, 5), floatsIn("too", []int{2}, 6, 7)}

	// Not bound by a load that fails.
	refused(t, fileFrom(t, nil, stored[1:]...), m, nil)
	require.Zero(t, matrix.binds+scalar.binds+tied.binds)

	// Nor what is not in the file, where that is allowed.
	mustLoad(t, fileFrom(t, nil, stored[1:]...), m, &LoadOptions{AllowMissing: true})
	require.Nil(t, matrix.value)
	require.Equal(t, float32(5), scalar.value.Data())
	require.Equal(t, []float32{6, 7}, tied.value.Data())
	require.Equal(t, 1, tied.binds)

	mustLoad(t, fileFrom(t, nil, stored...), m, nil)
	require.Equal(t, []float32{1, 2, 3, 4}, matrix.value.Data())
	require.Equal(t, 1, scalar.binds, "what has a value is written in place")
}

// A wrapped is a Valuer that Go cannot compare, so nobody knows when two are one.
type wrapped []*lateParam

func (w wrapped) Value() gorgonia.Value       { return w[0].Value() }
func (w wrapped) Shape() tensor.Shape         { return w[0].Shape() }
func (w wrapped) Dtype() tensor.Dtype         { return w[0].Dtype() }
func (w wrapped) Bind(v gorgonia.Value) error { return w[0].Bind(v) }

func TestValuersThatCannotBeCompared(t *testing.T) {
	p, q := &lateParam{shape: tensor.Shape{2}}, &lateParam{shape: tensor.Shape{2}}
	m := FromMap(map[string]wrapped{"p": {p}, "q": {q}})
	mustLoad(t, fileFrom(t, nil, floatsIn("p", []int{2}, 1, 2), floatsIn("q", []int{2}, 3, 4)), m, nil)
	require.Equal(t, []float32{1, 2}, p.value.Data())
	require.Equal(t, []float32{3, 4}, q.value.Data())
	mustLoad(t, openPath(t, saved(t, m, nil)), m, nil)
	require.Equal(t, 1, p.binds)
}

// A Bind that fails comes after the copy: the error says what was written.
func TestBindThatFails(t *testing.T) {
	bad := &lateParam{shape: tensor.Shape{2}, fails: errors.New("out of paper")}
	d := counting(2)
	m := Group(map[string]Model{"": one(d), "late": FromMap(map[string]*lateParam{"p": bad})})
	report, err := ReadModel(t.Context(), fileFrom(t, nil, floatsIn("x", []int{2}, 5, 6), floatsIn("late.p", []int{2}, 7, 8)), m, nil)
	require.Nil(t, report)
	require.ErrorIs(t, err, ErrPartialLoad)
	require.ErrorIs(t, err, bad.fails)
	var e *PartialLoadError
	require.ErrorAs(t, err, &e)
	require.Equal(t, []string{"x"}, e.Written)
	require.Equal(t, []float32{5, 6}, d.Data())
}

// Views over a parameter see what was loaded into it.
func TestViewsSeeWhatWasLoaded(t *testing.T) {
	w := counting(4, 2)
	v, err := w.Slice(tensor.S(1, 3))
	view := denseOf(t, v, err)
	mustLoad(t, fileFrom(t, nil, floatsIn("x", []int{4, 2}, count(50, 8)...)), one(w), nil)
	require.Equal(t, count(52, 4), view.Data())
}
