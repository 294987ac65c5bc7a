package checkpoint

import (
	"container/list"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

// leg and parent refer to each other, as layers often do.
type leg struct {
	parent *parent
	prev   *leg
	W      *gorgonia.Node
}

type parent struct {
	Self     *parent
	children []*leg
	any      []any
	byName   map[string]any
}

func TestFromStructEndsCycles(t *testing.T) {
	w := namedVector(gorgonia.NewGraph(), "w")
	p := &parent{byName: map[string]any{"w": w}}
	p.Self = p
	p.children = []*leg{{parent: p, W: w}, {parent: p, W: w}}
	p.children[1].prev = p.children[0]
	p.any = []any{w, p, nil}
	p.any[2] = p.any
	p.byName["again"] = p.byName

	require.Equal(t, []string{
		"children.0.W", "children.1.prev.W", "children.1.W", "any.0", "byName.w",
	}, namesIn(mustFromStruct(t, p)))
}

// A part used twice has two names for each tensor: that is a tie, not a cycle.
func TestFromStructNamesSharedPartsTwice(t *testing.T) {
	w := namedVector(gorgonia.NewGraph(), "w")
	shared := &linear{Weight: w}
	m := &struct{ Encoder, Decoder *linear }{shared, shared}
	require.Equal(t, []string{"Encoder.Weight", "Decoder.Weight"}, namesIn(mustFromStruct(t, m)))
}

// chain leads to itself, and to nothing else.
type chain struct {
	next, prev *chain
	text       string
}

// mesh is a set of parts that all refer to all: the ways through it are factorial.
type mesh struct {
	others []*mesh
	W      *gorgonia.Node
}

func newMesh(size int) *mesh {
	w := namedVector(gorgonia.NewGraph(), "w")
	all := make([]*mesh, size)
	for i := range all {
		all[i] = &mesh{W: w}
	}
	for _, m := range all {
		m.others = slices.Clone(all)
	}
	return all[0]
}

func TestFromStructGivesUpOnEndlessWalks(t *testing.T) {
	require.Len(t, namesIn(mustFromStruct(t, newMesh(4))), 16) // 1 + 3 + 3*2 + 3*2*1

	m := newMesh(4)
	model := mustFromStruct(t, m)
	m.others = newMesh(20).others
	require.Contains(t, slices.Collect(maps.Values(maps.Collect(model.StateDict()))), nil,
		"a walk that ends early must not look complete")

	_, err := FromStruct(m)
	require.ErrorContains(t, err, "after 262144 fields and elements")
	require.ErrorContains(t, err, `tag "-"`)
	require.Less(t, len(err.Error()), 2000)
}

func TestFromStructStaysOutOfMachinery(t *testing.T) {
	c := newConvNorm(t)
	machine := gorgonia.NewTapeMachine(c.g, gorgonia.BindDualValues(c.learnables...))
	defer machine.Close()
	w := namedVector(c.g, "w")
	hidden := list.New()
	hidden.PushBack(w)
	var store sync.Map
	store.Store("w", w)
	var box atomic.Value
	box.Store(w)
	m := struct {
		mu      sync.Mutex
		w       *gorgonia.Node
		vm      gorgonia.VM
		anyVM   any
		g       *gorgonia.ExprGraph
		anyG    any
		solver  gorgonia.Solver
		op      gorgonia.Op
		konst   gorgonia.Op
		two     *gorgonia.Node
		f       func() *gorgonia.Node
		c       chan *gorgonia.Node
		list    *list.List
		store   *sync.Map
		box     *atomic.Value
		ptr     atomic.Pointer[linear]
		ctx     context.Context
		client  *http.Client
		t       *testing.T
		started time.Time
		err     error
		shape   tensor.Shape
		dt      tensor.Dtype
		rates   []float64
		set     map[*gorgonia.Node]bool
		nodes   gorgonia.NodeSet
	}{
		w: w, vm: machine, anyVM: machine, g: c.g, anyG: c.g, solver: gorgonia.NewAdamSolver(),
		op: c.learnables[0].Op(), konst: gorgonia.NewConstant(float32(2)).Op(), two: gorgonia.NewConstant(float32(2)),
		f: func() *gorgonia.Node { return w }, c: make(chan *gorgonia.Node, 1),
		list: hidden, store: &store, box: &box, ctx: context.WithValue(t.Context(), w, w),
		client: http.DefaultClient, t: t, started: time.Now(), err: fmt.Errorf("none"), shape: tensor.Shape{2},
		dt: tensor.Float32, rates: make([]float64, 10), set: map[*gorgonia.Node]bool{w: true},
		nodes: gorgonia.NodeSet{w: {}},
	}
	m.c <- w
	m.ptr.Store(&linear{Weight: w})
	require.Equal(t, []string{"w"}, namesIn(mustFromStruct(t, &m)))
}

// An op that is a batch normalisation counts also where its field is of type Op.
func TestFromStructFindsBatchNormBehindOp(t *testing.T) {
	m := struct{ op gorgonia.Op }{newConvNorm(t).norm1}
	require.Equal(t, []string{"op.running_mean", "op.running_var"}, namesIn(mustFromStruct(t, &m)))
}

func TestFromStructRefusesOtherArguments(t *testing.T) {
	g := gorgonia.NewGraph()
	w := namedVector(g, "w")
	var none *linear
	two := &linear{Weight: w}
	for _, c := range []struct {
		arg  any
		want string
	}{
		{nil, "got nil"},
		{none, "got a nil *checkpoint.linear"},
		{linear{Weight: w}, "got a checkpoint.linear"},
		{&two, "got a **checkpoint.linear"},
		{map[string]*gorgonia.Node{"w": w}, "got a map"},
		{w, "FromStruct(*gorgonia.Node): no field can hold a tensor"},
		{g, "no field can hold a tensor"},
		{float32s(1), "no field can hold a tensor"},
		{&struct{}{}, "no field can hold a tensor"},
		{&activation{}, "no field can hold a tensor"},
		{&struct{ t time.Time }{}, "no field can hold a tensor"},
		{&chain{}, "no field can hold a tensor"},
		{&struct {
			W *gorgonia.Node `checkpoint:"-"`
		}{w}, "no field can hold a tensor"},
	} {
		m, err := FromStruct(c.arg)
		require.ErrorContains(t, err, c.want)
		require.Nil(t, m)
	}
}

func TestFromStructListsAllDuplicates(t *testing.T) {
	w := namedVector(gorgonia.NewGraph(), "w")
	type Attn struct {
		Q *gorgonia.Node `checkpoint:"w"`
	}
	m := struct {
		Block // W
		W     *gorgonia.Node
		attn  Attn           `checkpoint:"a"`
		q, q2 *gorgonia.Node `checkpoint:"a.w"`
		fine  *gorgonia.Node
		part  Model
		w     *gorgonia.Node `checkpoint:"part.w"`
	}{Block{w}, w, Attn{w}, w, w, w, FromNodes(w), w}
	_, err := FromStruct(&m)
	require.Error(t, err)
	_, problems, _ := strings.Cut(err.Error(), "}): ") // after the type, which is long
	path := func(field string) string { return fmt.Sprintf("%T.%s", m, field) }
	require.Equal(t, `3 problem(s): `+
		`name "W" stands for `+path("Block.W")+" and "+path("W")+`; `+
		`name "a.w" stands for `+path("attn.Q")+" and "+path("q")+" and "+path("q2")+`; `+
		`name "part.w" stands for `+path("part")+" and "+path("w"), problems)
}

func TestFromStructListsAllBadTags(t *testing.T) {
	c := newConvNorm(t)
	w := namedVector(c.g, "w")
	sum := gorgonia.Must(gorgonia.Add(w, w))
	type ill struct {
		rate    float64             `checkpoint:"rate"`
		g       *gorgonia.ExprGraph `checkpoint:"graph"`
		empty   *gorgonia.Node      `checkpoint:""`
		dots    *gorgonia.Node      `checkpoint:"a..b"`
		tail    *gorgonia.Node      `checkpoint:"a."`
		bytes   *gorgonia.Node      `checkpoint:"a\xff"`
		options *gorgonia.Node      `checkpoint:"w,omitempty"`
		out     *gorgonia.Node      `checkpoint:"out"`
		anyOut  any                 `checkpoint:"anyOut"`
		text    any                 `checkpoint:"text"`
	}
	_, err := FromStruct(&ill{empty: w, dots: w, tail: w, bytes: w, options: w, out: sum, anyOut: sum, text: "no tensor"})
	require.Error(t, err)
	for _, want := range []string{
		"10 problem(s)",
		`ill.rate has a tag "rate" but no tensor: it is a float64`,
		`ill.g has a tag "graph" but no tensor: it is a *gorgonia.ExprGraph`,
		`ill.empty has a tag "" that has an empty segment`,
		`ill.dots has a tag "a..b" that has an empty segment`,
		`ill.tail has a tag "a." that has an empty segment`,
		`ill.bytes has a tag "a\xff" that is not valid UTF-8`,
		`ill.options has a tag "w,omitempty" with a comma`,
		`ill.out has a tag "out" but holds no variable`,
		`ill.anyOut has a tag "anyOut" but holds no variable`,
		`ill.text has a tag "text" but no tensor: it is a string`,
	} {
		require.ErrorContains(t, err, want)
	}

	_, err = FromStruct(&struct {
		w   *gorgonia.Node
		any any            `checkpoint:"any"`
		sum *gorgonia.Node `checkpoint:"later"`
	}{w: w})
	require.NoError(t, err, "a tag may wait for its tensor")
}

func TestFromStructRefusesMapsItCannotName(t *testing.T) {
	w := namedVector(gorgonia.NewGraph(), "w")
	type net struct {
		ByNumber map[int]*linear
		ByName   map[string]*gorgonia.Node
		Settings map[int]any
		Texts    map[string]any
	}
	_, err := FromStruct(&net{
		ByNumber: map[int]*linear{1: {Weight: w}},
		ByName:   map[string]*gorgonia.Node{"": w, "a.": w, "\xff": w, "fine.name": w},
		Settings: map[int]any{1: "text"},
		Texts:    map[string]any{"": "text"},
	})
	require.ErrorContains(t, err, "4 problem(s)")
	require.ErrorContains(t, err, "net.ByNumber is a map[int]*checkpoint.linear: tensors in maps are named by keys, which must be strings")
	require.ErrorContains(t, err, `net.ByName[""] has a key that has an empty segment`)
	require.ErrorContains(t, err, `net.ByName["a."] has a key that has an empty segment`)
	require.ErrorContains(t, err, `net.ByName["\xff"] has a key that is not valid UTF-8`)

	// Put there later, it must not be passed over in silence.
	m := &net{}
	model := mustFromStruct(t, m)
	m.ByNumber = map[int]*linear{1: {Weight: w}}
	got := valuersIn(t, model)
	require.Len(t, got, 1)
	require.Contains(t, got, "ByNumber")
	require.Nil(t, got["ByNumber"])
}

// A number or a Valuer that lies in a map by value can be read there but not
// written: a load into it would be lost.
func TestFromStructRefusesWhatALoadCannotReach(t *testing.T) {
	type cell struct {
		Scale gorgonia.F32
		Pair  [1]parameter
		Ptr   *gorgonia.F32
		List  []gorgonia.F32
	}
	full := func() cell {
		return cell{1, [1]parameter{{dense: float32s(1)}}, gorgonia.NewF32(1), []gorgonia.F32{1}}
	}
	_, err := FromStruct(&struct {
		Direct cell
		Map    map[string]cell
		Any    any
		Number any
		Ptrs   map[string]*cell
		Models map[string]foreign
	}{
		Direct: full(), Map: map[string]cell{"k": full()}, Any: full(), Number: gorgonia.F32(1),
		Ptrs:   map[string]*cell{"k": new(cell)},
		Models: map[string]foreign{"k": {namedVector(gorgonia.NewGraph(), "w")}},
	})
	require.ErrorContains(t, err, "5 problem(s)")
	require.ErrorContains(t, err, `.Map["k"].Scale is a gorgonia.F32 in a map or an interface`)
	require.ErrorContains(t, err, `.Map["k"].Pair[0] is a checkpoint.parameter in a map or an interface`)
	require.ErrorContains(t, err, `.Any.Scale is a gorgonia.F32 in a map or an interface`)
	require.ErrorContains(t, err, `.Any.Pair[0] is a checkpoint.parameter in a map or an interface`)
	require.ErrorContains(t, err, `.Number is a gorgonia.F32 in a map or an interface`)
}

// Whatever tree of slices, maps and interfaces a tensor lies in, its name is its path.
func TestFromStructNamesArePaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]*tensor.Dense{}
		m := &struct{ Root any }{drawTree(t, "Root", 3, want)}
		model, err := FromStruct(m)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]*tensor.Dense{}
		for name, v := range model.StateDict() {
			got[name] = v.Value().(*tensor.Dense)
		}
		if !maps.Equal(want, got) {
			t.Fatalf("got %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	})
}

// drawTree makes a value and lists in want the tensors that are in it.
func drawTree(t *rapid.T, name string, depth int, want map[string]*tensor.Dense) any {
	kinds := []string{"tensor", "text", "nil"}
	if depth > 0 {
		kinds = append(kinds, "slice", "map", "struct", "pointer")
	}
	part := func(key string) any { return drawTree(t, name+"."+key, depth-1, want) }
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "tensor":
		want[name] = float32s(1)
		return want[name]
	case "text":
		return "text"
	case "slice":
		return []any{part("0"), part("1")}
	case "map":
		return map[string]any{"k": part("k"), "l": part("l")}
	case "struct":
		return struct{ a, B any }{part("a"), part("B")}
	case "pointer":
		return &struct{ p []any }{[]any{part("p.0")}}
	}
	return nil
}
