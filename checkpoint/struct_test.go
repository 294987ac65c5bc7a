package checkpoint

// This file tests FromStruct on structs as people write them. What it must refuse,
// and where it must not go, is in struct_rules_test.go.

import (
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// convnet is the struct of Gorgonia's examples (convnet, mnist, 286).
type convnet struct {
	g              *gorgonia.ExprGraph
	w0, w1         *gorgonia.Node // weights
	d0, d1         float64        // dropout probabilities
	out            *gorgonia.Node
	predVal, temps gorgonia.Value
}

func newConvnet(t *testing.T) *convnet {
	m := &convnet{g: gorgonia.NewGraph(), d0: 0.2, d1: 0.5}
	variable := func(name string, rows, cols int) *gorgonia.Node {
		return gorgonia.NewMatrix(m.g, gorgonia.Float32, gorgonia.WithShape(rows, cols), gorgonia.WithName(name),
			gorgonia.WithInit(gorgonia.GlorotN(1)))
	}
	x := variable("x", 2, 3)
	m.w0, m.w1 = variable("w0", 3, 4), variable("w1", 4, 2)
	h := gorgonia.Must(gorgonia.Tanh(gorgonia.Must(gorgonia.Mul(x, m.w0))))
	m.out = gorgonia.Must(gorgonia.SoftMax(gorgonia.Must(gorgonia.Mul(h, m.w1))))
	gorgonia.Read(m.out, &m.predVal)
	return m
}

// mustFromStruct is FromStruct where it has to work.
func mustFromStruct(t *testing.T, ptr any) Model {
	t.Helper()
	m, err := FromStruct(ptr)
	require.NoError(t, err)
	return m
}

func TestFromStructReadsUnexportedNodes(t *testing.T) {
	m := newConvnet(t)
	got := valuersIn(t, mustFromStruct(t, m))
	require.Len(t, got, 2)
	require.Same(t, m.w0, got["w0"])
	require.Same(t, m.w1, got["w1"])
}

// What gorgonia.Read fills is there after the first run only. A model that had it
// would not load in a fresh process.
func TestFromStructIsTheSameBeforeAndAfterARun(t *testing.T) {
	m := newConvnet(t)
	model := mustFromStruct(t, m)
	before := namesIn(model)
	machine := gorgonia.NewTapeMachine(m.g)
	defer machine.Close()
	require.NoError(t, machine.RunAll())
	require.NotNil(t, m.predVal, "the test needs a value there")
	require.Equal(t, before, namesIn(model))

	m.temps = float32s(1) // a Value that no Read fills is state
	require.Equal(t, append(before, "temps"), namesIn(model))

	// The graph is enough, if the nodes are elsewhere.
	apart := &struct {
		graph *gorgonia.ExprGraph
		value gorgonia.Value
		w     gorgonia.Value
	}{graph: m.g, value: float32s(1), w: float32s(2)}
	require.Equal(t, []string{"value", "w"}, namesIn(mustFromStruct(t, apart)))
	gorgonia.Read(m.out, &apart.value)
	require.Equal(t, []string{"w"}, namesIn(mustFromStruct(t, apart)))

	// A node of it too, even one that is passed over.
	result := &struct {
		values []gorgonia.Value
		out    *gorgonia.Node
	}{values: []gorgonia.Value{float32s(1), float32s(2)}, out: m.out}
	gorgonia.Read(m.out, &result.values[0])
	require.Equal(t, []string{"values.1"}, namesIn(mustFromStruct(t, result)))
}

// lstm is charRNN's model: values, and a graph for each length of text.
type lstm struct {
	ls                   []*lstmLayer
	whd, bias_d          gorgonia.Value
	embedding            *tensor.Dense
	inputSize, embedSize int
	hiddenSizes          []int
	prefix               string
	free                 bool
}

type lstmLayer struct {
	wix, wih, bias_i gorgonia.Value
	scale            *gorgonia.F32
}

func TestFromStructReadsValues(t *testing.T) {
	layer := func() *lstmLayer {
		return &lstmLayer{wix: float32s(1), wih: float32s(2), bias_i: float32s(3), scale: gorgonia.NewF32(4)}
	}
	m := &lstm{ls: []*lstmLayer{layer(), layer()}, whd: float32s(5), embedding: float32s(6), hiddenSizes: []int{4, 4}}
	model := mustFromStruct(t, m)
	require.Equal(t, []string{
		"ls.0.wix", "ls.0.wih", "ls.0.bias_i", "ls.0.scale",
		"ls.1.wix", "ls.1.wih", "ls.1.bias_i", "ls.1.scale", "whd", "embedding",
	}, namesIn(model), "bias_d is nil and has no name yet")

	got := valuersIn(t, model)
	require.Same(t, m.ls[1].wih, got["ls.1.wih"].Value())
	require.Same(t, m.ls[1].scale, got["ls.1.scale"].Value())
	require.Same(t, m.embedding, got["embedding"].Value())
}

// Layers behind an interface, by pointer and by value, one with a Model's own names.
type layer interface{ forward() }

type linear struct{ Weight, Bias *gorgonia.Node }

func (linear) forward() {}

type activation struct{ name string }

func (activation) forward() {}

type normLayer struct {
	Gain *gorgonia.Node `checkpoint:"weight"`
	Op   *gorgonia.BatchNormOp
}

func (*normLayer) forward() {}

type foreign struct{ w *gorgonia.Node }

func (foreign) forward() {}

func (f foreign) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	return FromMap(map[string]*gorgonia.Node{"kernel": f.w, "tied.kernel": f.w}).StateDict()
}

func TestFromStructLooksBehindInterfaces(t *testing.T) {
	g := gorgonia.NewGraph()
	w, b := namedVector(g, "w"), namedVector(g, "b")
	c := newConvNorm(t)
	m := &struct {
		blocks []layer
		extra  any
		byName map[string]any
		value  linear
		none   layer
	}{
		blocks: []layer{&linear{w, b}, activation{"relu"}, linear{w, nil}, &normLayer{w, c.norm1}, foreign{w}, &foreign{b}},
		extra:  w,
		byName: map[string]any{"z": b, "a": map[string]any{"deep": []any{1, "text", w}}, "n": 3},
		value:  linear{w, b},
	}
	got := valuersIn(t, mustFromStruct(t, m))
	mean, _ := c.norm1.Stats()
	require.Same(t, mean, got["blocks.3.Op.running_mean"].Value())
	delete(got, "blocks.3.Op.running_mean")
	require.NotNil(t, got["blocks.3.Op.running_var"])
	delete(got, "blocks.3.Op.running_var")
	require.Equal(t, map[string]gorgonia.Valuer{
		"blocks.0.Weight": w, "blocks.0.Bias": b, "blocks.2.Weight": w, "blocks.3.weight": w,
		"blocks.4.kernel": w, "blocks.4.tied.kernel": w, "blocks.5.kernel": b, "blocks.5.tied.kernel": b,
		"extra": w, "byName.z": b, "byName.a.deep.2": w, "value.Weight": w, "value.Bias": b,
	}, got)
}

// parameter is a user's (and nn's) Valuer, with methods on the pointer.
type parameter struct {
	dense *tensor.Dense
	grad  *tensor.Dense
}

func (p *parameter) Value() gorgonia.Value { return p.dense }

func TestFromStructTakesValuersWhole(t *testing.T) {
	m := &struct {
		byValue   parameter
		byPointer *parameter
		list      []parameter
		face      gorgonia.Valuer
	}{
		byValue:   parameter{float32s(1), float32s(0)},
		byPointer: &parameter{dense: float32s(2)},
		list:      []parameter{{dense: float32s(3)}},
		face:      &parameter{dense: float32s(4)},
	}
	got := valuersIn(t, mustFromStruct(t, m))
	require.Len(t, got, 4, "what is inside a Valuer is its own affair")
	require.Same(t, &m.byValue, got["byValue"], "the field itself, not a copy of it")
	require.Same(t, m.byPointer, got["byPointer"])
	require.Same(t, &m.list[0], got["list.0"])
	require.Same(t, m.face, got["face"])
}

type base struct {
	Gain *gorgonia.Node
	deep
}

type deep struct{ shift *gorgonia.Node }

type Block struct{ W *gorgonia.Node }

func TestFromStructPromotesEmbeddedStructs(t *testing.T) {
	g := gorgonia.NewGraph()
	w := namedVector(g, "w")
	m := struct {
		base
		*Block
		layer
		*gorgonia.Node
		foreign
		Named normLayer
	}{base{w, deep{w}}, &Block{w}, &linear{Weight: w}, w, foreign{w}, normLayer{Gain: w}}
	require.Equal(t, []string{
		"Gain", "shift", "W", "layer.Weight", "Node", "kernel", "tied.kernel", "Named.weight",
	}, namesIn(mustFromStruct(t, &m)))

	tagged := struct {
		Block `checkpoint:"first"`
		Model `checkpoint:"second"`
	}{Block{w}, FromNodes(w)}
	require.Equal(t, []string{"first.W", "second.w"}, namesIn(mustFromStruct(t, &tagged)))

	untagged := struct {
		Block
		Model
	}{Block{w}, FromNodes(w)}
	require.Equal(t, []string{"W", "w"}, namesIn(mustFromStruct(t, &untagged)))
}

func TestFromStructObeysTags(t *testing.T) {
	g := gorgonia.NewGraph()
	w := namedVector(g, "w")
	m := struct {
		x     *gorgonia.Node   `checkpoint:"-"`
		rows  []*tensor.Dense  `checkpoint:"-"`
		wte   *gorgonia.Node   `json:"-" checkpoint:"transformer.wte.weight"`
		head  *gorgonia.Node   `checkpoint:"lm_head.weight"`
		h     []*gorgonia.Node `checkpoint:"transformer.h"`
		later *gorgonia.Node   `checkpoint:"later"`
		_     parameter
	}{x: w, rows: []*tensor.Dense{float32s(1)}, wte: w, head: w, h: gorgonia.Nodes{w, nil, w}}
	got := valuersIn(t, mustFromStruct(t, &m))
	require.Equal(t, map[string]gorgonia.Valuer{ // one node under all its names: a tie
		"transformer.wte.weight": w, "lm_head.weight": w, "transformer.h.0": w, "transformer.h.2": w,
	}, got)
}

func TestFromStructFollowsTheStruct(t *testing.T) {
	g := gorgonia.NewGraph()
	m := &struct {
		w      *gorgonia.Node
		t      *tensor.Dense
		layers []*linear
		norm   *gorgonia.BatchNormOp
	}{}
	model := mustFromStruct(t, m)
	require.Empty(t, namesIn(model))

	m.w, m.t = namedVector(g, "w"), float32s(1)
	m.layers = append(m.layers, &linear{Weight: namedVector(g, "l0")})
	m.norm = newConvNorm(t).norm1
	require.Equal(t, []string{"w", "t", "layers.0.Weight", "norm.running_mean", "norm.running_var"}, namesIn(model))

	m.t = float32s(2)
	require.Same(t, m.t, valuersIn(t, model)["t"].Value(), "a tensor put in its place is the one to save")
	m.layers = nil
	require.NotContains(t, namesIn(model), "layers.0.Weight")
}

func TestFromStructWalksMapsInOrder(t *testing.T) {
	w := namedVector(gorgonia.NewGraph(), "w")
	m := &struct{ M map[string]*gorgonia.Node }{map[string]*gorgonia.Node{}}
	var want []string
	for c := 'a'; c <= 'z'; c++ {
		m.M[string(c)] = w
		want = append(want, "M."+string(c))
	}
	require.Equal(t, want, namesIn(mustFromStruct(t, m)))
}

// selfDescribing implements StateDict with FromStruct, the usual way to be a Model.
type selfDescribing struct {
	W    *gorgonia.Node
	Next *selfDescribing
}

func (s *selfDescribing) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	m, err := FromStruct(s)
	if err != nil {
		panic(err)
	}
	return m.StateDict()
}

func TestFromStructServesStateDictMethods(t *testing.T) {
	w := namedVector(gorgonia.NewGraph(), "w")
	m := &selfDescribing{W: w, Next: &selfDescribing{W: w, Next: &selfDescribing{W: w}}}
	require.Equal(t, []string{"W", "Next.W", "Next.Next.W"}, namesIn(m))
}

// Writing behind the values of the model is writing into the network: what a load
// does, on the convnet, seen by a compiled machine.
func TestFromStructReachesWhatTheMachineComputesWith(t *testing.T) {
	m := newConvnet(t)
	model := mustFromStruct(t, m)
	machine := gorgonia.NewTapeMachine(m.g)
	defer machine.Close()
	for _, v := range model.StateDict() {
		clear(v.Value().Data().([]float32))
	}
	require.NoError(t, machine.RunAll())
	require.Equal(t, []float32{0.5, 0.5, 0.5, 0.5}, m.predVal.Data(), "soft-max of zeros")
}
