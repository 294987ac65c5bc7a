package checkpoint

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

// The names that adapters make up are part of every file written with them. A
// change to a line of this test makes those files unreadable.
func TestNamesArePartOfTheFormat(t *testing.T) {
	g := gorgonia.NewGraph()
	w, b := namedVector(g, "w"), namedVector(g, "layer.b")
	type layer struct {
		W *gorgonia.Node
	}
	type base struct {
		Gain *gorgonia.Node
	}
	net := struct {
		base
		layers  []*layer
		tagged  *layer `checkpoint:"enc.x"`
		byName  map[string]layer
		both    [2]*tensor.Dense
		weights gorgonia.Nodes
		norm    *gorgonia.BatchNormOp
		part    Model
	}{
		base:    base{w},
		layers:  []*layer{{w}, {b}},
		tagged:  &layer{w},
		byName:  map[string]layer{"q": {w}, "k": {b}},
		both:    [2]*tensor.Dense{float32s(1), float32s(2)},
		weights: gorgonia.Nodes{w, b},
		norm:    &gorgonia.BatchNormOp{},
		part:    FromNodes(w, b),
	}
	fromStruct, err := FromStruct(&net)
	require.NoError(t, err)

	for _, c := range []struct {
		model Model
		want  []string
	}{
		{FromNodes(b, w), []string{"layer.b", "w"}},
		{FromGraph(g, func(*gorgonia.Node) bool { return true }), []string{"w", "layer.b"}},
		{FromMap(map[string]*gorgonia.Node{"one": w, "half.two": b}), []string{"half.two", "one"}},
		{FromValues(map[string]*tensor.Dense{"t": float32s(1)}), []string{"t"}},
		{FromBatchNorm(map[string]*gorgonia.BatchNormOp{"bn1": {}}), []string{"bn1.running_mean", "bn1.running_var"}},
		{FromBatchNorm(map[string]*gorgonia.BatchNormOp{"": {}}), []string{"running_mean", "running_var"}},
		{Group(map[string]Model{"head": FromNodes(w), "": FromNodes(b)}), []string{"layer.b", "head.w"}},
		{fromStruct, []string{
			"Gain", "layers.0.W", "layers.1.W", "enc.x.W", "byName.k.W", "byName.q.W", "both.0", "both.1",
			"weights.0", "weights.1", "norm.running_mean", "norm.running_var", "part.w", "part.layer.b",
		}},
	} {
		require.Equal(t, c.want, namesIn(c.model))
	}
}

func TestFromNodesGivesTheNodes(t *testing.T) {
	g := gorgonia.NewGraph()
	w, b := namedVector(g, "w"), namedVector(g, "b")
	given := []*gorgonia.Node{w, b, w} // a learnable listed twice is one learnable

	m := FromNodes(given...)
	given[0] = nil // the caller's slice is the caller's

	got := valuersIn(t, m)
	require.Len(t, got, 2)
	require.Same(t, w, got["w"])
	require.Same(t, b, got["b"])
}

// Nothing may be passed over in silence: what has no name must arrive, nameless.
func TestFromNodesShowsWhatHasNoName(t *testing.T) {
	g := gorgonia.NewGraph()
	bare := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(2))

	var names []string
	var got []gorgonia.Valuer
	for name, v := range FromNodes(bare, nil, nil).StateDict() {
		names, got = append(names, name), append(got, v)
	}
	require.Equal(t, []string{"", "", ""}, names)
	require.Same(t, bare, got[0])
	require.Nil(t, got[1])

	require.Equal(t, []string{"", "", ""}, namesIn(Group(map[string]Model{"p": FromNodes(bare, nil, nil)})),
		"a prefix must not make a name of none")
}

func TestFromGraphTakesLearnables(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("x"))
	w := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(3, 2), gorgonia.WithName("w"), gorgonia.WithInit(gorgonia.GlorotN(1)))
	frozen := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(2, 2), gorgonia.WithName("frozen"), gorgonia.WithInit(gorgonia.GlorotN(1)))
	h := gorgonia.Must(gorgonia.Tanh(gorgonia.Must(gorgonia.Mul(x, w))))
	cost := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Mul(h, frozen))))
	learnables := FromGraph(g, nil)
	notX := FromGraph(g, func(n *gorgonia.Node) bool { return n != x })

	require.Empty(t, namesIn(learnables), "before Grad nothing is known to be learnable")
	_, err := gorgonia.Grad(cost, w)
	require.NoError(t, err)
	require.Equal(t, []string{"w"}, namesIn(learnables), "the model must follow the graph")
	require.Equal(t, []string{"w", "frozen"}, namesIn(notX), "results of ops are no variables")

	namedVector(g, "late")
	require.Equal(t, []string{"w", "frozen", "late"}, namesIn(notX))
	require.Empty(t, namesIn(FromGraph(nil, nil)))
}

func TestFromMapFollowsTheMap(t *testing.T) {
	g := gorgonia.NewGraph()
	w := namedVector(g, "its node name plays no part")
	m := map[string]*gorgonia.Node{"w": w, "tied": w, "none": nil}
	model := FromMap(m)
	require.Same(t, w, valuersIn(t, model)["w"])
	require.Same(t, w, valuersIn(t, model)["tied"])
	require.Nil(t, valuersIn(t, model)["none"], "a nil node must arrive, not vanish")

	v := namedVector(g, "v")
	m["w"] = v
	require.Same(t, v, valuersIn(t, model)["w"])
}

func TestFromValuesIsLive(t *testing.T) {
	w := float32s(1, 2)
	one := gorgonia.NewF32(1)
	m := map[string]gorgonia.Value{"w": w, "tied": w, "scalar": one, "nothing": nil, "nil": (*tensor.Dense)(nil)}
	got := valuersIn(t, FromValues(m))
	require.Same(t, w, got["w"].Value())
	require.Same(t, w, got["tied"].Value())
	require.Same(t, one, got["scalar"].Value())
	require.Contains(t, got, "nothing")
	require.Nil(t, got["nothing"])
	require.Nil(t, got["nil"], "a nil pointer is no value")

	model, other := FromValues(m), float32s(3)
	m["w"] = other
	require.Same(t, other, valuersIn(t, model)["w"].Value(), "the map is read anew")
}

func TestGroupShowsNilParts(t *testing.T) {
	got := valuersIn(t, Group(map[string]Model{"gone": nil, "w": FromNodes(namedVector(gorgonia.NewGraph(), "w"))}))
	require.Len(t, got, 2)
	require.Contains(t, got, "gone")
	require.Nil(t, got["gone"])
}

// Grouping is a tree: what is inside has each name on its path, in order.
func TestGroupNestsLikeATree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.StringMatching(`[a-c]{1,2}`), 0, 4).Draw(t, "path")
		leaves := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,3}`), 1, 5, rapid.ID[string]).Draw(t, "leaves")
		values, want := map[string]*tensor.Dense{}, []string{}
		for _, leaf := range leaves {
			values[leaf] = float32s(1)
			prefix := ""
			for _, k := range keys {
				prefix += k + "."
			}
			want = append(want, prefix+leaf)
		}
		m := FromValues(values)
		for _, k := range slices.Backward(keys) {
			m = Group(map[string]Model{k: m})
		}
		slices.Sort(want)
		if got := namesIn(m); !slices.Equal(want, got) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
