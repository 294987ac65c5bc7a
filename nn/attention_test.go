package nn

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// attentionOf is attention of the inputs q, k and v, and of mask and padding if they are there.
func attentionOf(o AttentionOptions) build {
	return func(*Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
		return func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node {
			o.Mask, o.KeyPadding = in["mask"], in["padding"]
			return Attention(g, in["q"], in["k"], in["v"], o)
		}
	}
}

func TestAttentionIsPyTorchs(t *testing.T) {
	causal := AttentionMask{Causal: true}
	for name, o := range map[string]AttentionOptions{
		"plain":       {Heads: 3},
		"one":         {Heads: 1},
		"cross":       {Heads: 2},
		"causal":      {Heads: 2, AttentionMask: causal},
		"causal_wide": {Heads: 2, AttentionMask: causal},
		"causal_tall": {Heads: 2, AttentionMask: causal},
		"grouped":     {Heads: 6, KVHeads: 2},
		"one_group":   {Heads: 3, KVHeads: 1, AttentionMask: causal},
		"scale":       {Heads: 2, Scale: 0.7},
		"mask_2":      {Heads: 2},
		"mask_3":      {Heads: 2},
		"mask_4":      {Heads: 2},
		"mask_full":   {Heads: 2},
		"padding":     {Heads: 4, KVHeads: 2},
		"both":        {Heads: 2},
		"blind":       {Heads: 2},
	} {
		parity(t, "attention", name, true, attentionOf(o))
	}
}

func TestAttentionGradients(t *testing.T) {
	shapes := func(batch, queries, keys, heads, groups, width int) map[string]tensor.Shape {
		return map[string]tensor.Shape{"q": {batch, queries, heads * width}, "k": {batch, keys, groups * width}, "v": {batch, keys, groups * width}}
	}
	masked := shapes(2, 3, 5, 2, 2, 3)
	masked["mask"], masked["padding"] = tensor.Shape{2, 1, 1, 5}, tensor.Shape{2, 5}
	gradients(t,
		trial{name: "plain", shapes: shapes(1, 3, 3, 1, 1, 5), model: attentionOf(AttentionOptions{Heads: 1})},
		trial{name: "grouped", shapes: shapes(2, 3, 4, 4, 2, 3), model: attentionOf(AttentionOptions{Heads: 4, KVHeads: 2})},
		trial{name: "causal", shapes: shapes(1, 5, 4, 2, 1, 3), model: attentionOf(AttentionOptions{Heads: 2, KVHeads: 1, AttentionMask: AttentionMask{Causal: true}})},
		trial{name: "masked", shapes: masked, model: attentionOf(AttentionOptions{Heads: 2})},
		trial{name: "dropout", shapes: shapes(2, 4, 5, 2, 2, 3), model: attentionOf(AttentionOptions{Heads: 2, Dropout: 0.4})},
	)
}

// attentionRun is what a run of an attention gave.
type attentionRun struct{ out, dq, dk, dv []float32 }

func runAttention(t *testing.T, g *Graph, runs, batch, time, heads, groups, width int, o AttentionOptions) attentionRun {
	s := NewScope(1)
	node := func(name string, heads int) *gorgonia.Node {
		return g.Node(s.Param(name, Normal(0, 1), batch, time, heads*width))
	}
	o.Heads, o.KVHeads = heads, groups
	q, k, v := node("q", heads), node("k", groups), node("v", groups)
	out := Attention(g, q, k, v, o)
	learnables, err := g.Grad(MSELoss(g, out, g.Input("target", tensor.Float32, out.Shape()...), &MSEOptions{Sum: true}))
	require.NoError(t, err)
	machine, err := g.Machine()
	require.NoError(t, err)
	for range runs {
		require.NoError(t, machine.Run())
	}
	all := [][]float32{slices.Clone(out.Value().Data().([]float32))}
	for _, l := range learnables {
		v, err := l.Grad()
		require.NoError(t, err)
		all = append(all, slices.Clone(v.Data().([]float32)))
	}
	return attentionRun{all[0], all[1], all[2], all[3]}
}

// TestAttentionBitsDoNotDependOnCores, nor on whether Backward finds the probabilities kept, as in
// all runs but the first.
func TestAttentionBitsDoNotDependOnCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	run := func(runs int) attentionRun {
		return runAttention(t, EvalGraph(), runs, 2, 300, 4, 2, 8, AttentionOptions{AttentionMask: AttentionMask{Causal: true}})
	}
	want := run(1)
	require.Equal(t, want, run(2))
	runtime.GOMAXPROCS(7)
	require.Equal(t, want, run(1))
	require.Equal(t, want, run(2))
}

// TestAttentionOfManyBlocks: a long sequence of which the rows are several blocks, each of which
// must see the keys that a mask of the same meaning leaves.
func TestAttentionOfManyBlocks(t *testing.T) {
	const time, heads, width = 700, 2, 4
	g := EvalGraph()
	mask := g.Input("mask", tensor.Float32, time, time)
	for i, data := 0, mask.Value().Data().([]float32); i < time; i++ {
		for j := i + 1; j < time; j++ {
			data[i*time+j] = float32(math.Inf(-1))
		}
	}
	want := runAttention(t, g, 1, 1, time, heads, heads, width, AttentionOptions{AttentionMask: AttentionMask{Mask: mask}})
	got := runAttention(t, EvalGraph(), 1, 1, time, heads, heads, width, AttentionOptions{AttentionMask: AttentionMask{Causal: true}})
	for i, pair := range [][2][]float32{{want.out, got.out}, {want.dq, got.dq}, {want.dk, got.dk}, {want.dv, got.dv}} {
		requireClose(t, widen(pair[0]), widen(pair[1]), 1e-5, []string{"out", "dq", "dk", "dv"}[i])
	}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// TestAttentionDropout: a probability is dropped as often as was asked for, the others are
// larger by as much, and the next run drops others.
func TestAttentionDropout(t *testing.T) {
	const time, share = 64, 0.25
	s, g := NewScope(1), TrainGraph(rand.NewPCG(1, 2))
	zeros := g.Node(s.Param("zeros", Zeros, 1, time, 1))
	eye := g.Node(s.Param("eye", func(_ *rand.Rand, _ tensor.Shape, values []float64) {
		for i := range time {
			values[i*time+i] = 1
		}
	}, 1, time, time))
	out := Attention(g, zeros, zeros, eye, AttentionOptions{Heads: 1, Dropout: share}) // the probabilities
	machine, err := g.Machine()
	require.NoError(t, err)
	var before []float32
	for range 3 {
		require.NoError(t, machine.Run())
		p := slices.Clone(out.Value().Data().([]float32))
		dropped := 0
		for _, x := range p {
			if x == 0 {
				dropped++
				continue
			}
			require.InEpsilon(t, 1/(time*(1-share)), x, 1e-5)
		}
		require.InDelta(t, share, float64(dropped)/float64(len(p)), 0.03)
		require.NotEqual(t, before, p)
		before = p
	}
}

func TestAttentionDropsNothingInEvaluation(t *testing.T) {
	want := runAttention(t, EvalGraph(), 1, 1, 5, 1, 1, 3, AttentionOptions{})
	require.Equal(t, want, runAttention(t, EvalGraph(), 1, 1, 5, 1, 1, 3, AttentionOptions{Dropout: 0.5}))
}

func TestAttentionRefuses(t *testing.T) {
	for want, o := range map[string]AttentionOptions{
		"attention: 3 heads of queries for 2 of keys and values":    {Heads: 3, KVHeads: 2},
		"attention: 0 heads of queries":                             {},
		"attention: queries of width 12 are not 5 heads":            {Heads: 5},
		"attention: heads of queries are 3 wide, and those of keys": {Heads: 4, KVHeads: 2},
		"attention: a share of 1.5 cannot be dropped":               {Heads: 2, Dropout: 1.5},
	} {
		g := TrainGraph(rand.NewPCG(1, 1))
		x := g.Input("x", tensor.Float32, 2, 5, 12)
		Attention(g, x, x, x, o)
		require.ErrorContains(t, g.Err(), want)
	}
	for want, build := range map[string]func(g *Graph, x *gorgonia.Node){
		"want one batch, and as many keys as values": func(g *Graph, x *gorgonia.Node) {
			Attention(g, x, x, g.Input("v", tensor.Float32, 2, 4, 12), AttentionOptions{Heads: 2})
		},
		"queries, keys and values are (batch, time, width)": func(g *Graph, x *gorgonia.Node) {
			Attention(g, x, g.Input("k", tensor.Float32, 5, 12), x, AttentionOptions{Heads: 2})
		},
		"the mask is (5, 1): want what broadcasts to (2, 2, 5, 5)": func(g *Graph, x *gorgonia.Node) {
			Attention(g, x, x, x, AttentionOptions{Heads: 2, AttentionMask: AttentionMask{Mask: g.Input("m", tensor.Float32, 5, 1)}})
		},
		"the mask is (3, 1, 5, 5)": func(g *Graph, x *gorgonia.Node) {
			Attention(g, x, x, x, AttentionOptions{Heads: 2, AttentionMask: AttentionMask{Mask: g.Input("m", tensor.Float32, 3, 1, 5, 5)}})
		},
		"the padding mask is (5, 5): want (2, 5)": func(g *Graph, x *gorgonia.Node) {
			Attention(g, x, x, x, AttentionOptions{Heads: 2, AttentionMask: AttentionMask{KeyPadding: g.Input("m", tensor.Float32, 5, 5)}})
		},
		"no random source": func(g *Graph, x *gorgonia.Node) {
			Attention(g, x, x, x, AttentionOptions{Heads: 2, Dropout: 0.1})
		},
	} {
		g := TrainGraph(nil)
		build(g, g.Input("x", tensor.Float32, 2, 5, 12))
		require.ErrorContains(t, g.Err(), want)
	}
}
