package checkpoint

// These tests are about plans of renames: what is proposed, and what replaying does.

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A naming is how a library names the parameters of a transformer of 12 layers.
type naming struct {
	embed, position, norm, head string
	layer                       string // with the number
	parts                       []string
}

// parts, in the order of naming.parts, by shape.
var transformerParts = [][]int{{6, 6}, {6}, {6, 6}, {6}, {6, 6}, {6}, {6, 6}, {6}, {6}, {6}, {24, 6}, {24}, {6, 24}, {6}, {6}, {6}}

var (
	ours = naming{"tok.weight", "pos.weight", "norm", "head.weight", "layers.%d.", []string{
		"attn.q.weight", "attn.q.bias", "attn.k.weight", "attn.k.bias", "attn.v.weight", "attn.v.bias", "attn.out.weight", "attn.out.bias",
		"ln_1.weight", "ln_1.bias", "mlp.up.weight", "mlp.up.bias", "mlp.down.weight", "mlp.down.bias", "ln_2.weight", "ln_2.bias",
	}}
	theirs = naming{"model.embed_tokens.weight", "model.embed_positions.weight", "model.final_norm", "classifier.weight", "model.h.%d.", []string{
		"attention.query.weight", "attention.query.bias", "attention.key.weight", "attention.key.bias", "attention.value.weight", "attention.value.bias",
		"attention.output.weight", "attention.output.bias", "norm1.gamma", "norm1.beta", "ffn.up_proj.weight", "ffn.up_proj.bias", "ffn.down_proj.weight", "ffn.down_proj.bias",
		"norm2.gamma", "norm2.beta",
	}}
)

// names are all names and shapes, in one order for every naming.
func (n naming) names() (names []string, shapes [][]int) {
	gain, shift := ".weight", ".bias"
	if n.norm != "norm" {
		gain, shift = ".gamma", ".beta"
	}
	names = append(names, n.embed, n.position, n.norm+gain, n.norm+shift, n.head)
	shapes = append(shapes, []int{50, 6}, []int{32, 6}, []int{6}, []int{6}, []int{3, 6})
	for i := range 12 {
		for k, part := range n.parts {
			names = append(names, fmt.Sprintf(n.layer, i)+part)
			shapes = append(shapes, transformerParts[k])
		}
	}
	return names, shapes
}

func (n naming) model() map[string]*tensor.Dense {
	m := map[string]*tensor.Dense{}
	names, shapes := n.names()
	for i, name := range names {
		m[name] = counting(shapes[i]...)
	}
	return m
}

// file has numbers that tell each tensor from the others.
func (n naming) file(t testing.TB, more ...safetensors.Source) *safetensors.File {
	names, shapes := n.names()
	for i, name := range names {
		size := 1
		for _, dim := range shapes[i] {
			size *= dim
		}
		more = append(more, floatsIn(name, shapes[i], count(float32(1000*i), size)...))
	}
	return fileFrom(t, nil, more...)
}

func proposed(t testing.TB, f *safetensors.File, m Model, o *LoadOptions) *Renames {
	t.Helper()
	before := liveBytes(m)
	r, err := ProposeRenames(f, m, o)
	require.NoError(t, err)
	require.Equal(t, before, liveBytes(m))
	return r
}

func TestTransformerOfAnotherLibrary(t *testing.T) {
	m, f := ours.model(), theirs.file(t)
	r := proposed(t, f, FromValues(m), nil)
	require.Empty(t, r.Undecided(), r.String())
	want, shapes := ours.names()
	stored, _ := theirs.names()
	report := mustLoad(t, f, FromValues(m), reread(t, r.String()).LoadOptions(nil))
	require.Len(t, report.Loaded, len(want))
	for i, name := range want {
		require.Equal(t, count(float32(1000*i), len(m[name].Raw)/4), m[name].Data(), "%s %v", name, shapes[i])
		param, ok := r.Param(stored[i])
		require.True(t, ok)
		require.Equal(t, name, param)
	}
	require.Contains(t, r.String(), "# the most alike of 4 F32 [6 6] in 12 layers")
}

// Names with nothing in common are found by their shapes, and by the names around.
func TestShapesDecideFirst(t *testing.T) {
	m := FromValues(map[string]*tensor.Dense{"fc1.weight": counting(10, 4), "fc1.bias": counting(10), "head.bias": counting(3), "same": counting(7)})
	f := fileFrom(t, nil,
		floatsIn("zzz.a", []int{10, 4}, count(100, 40)...), floatsIn("zzz.b", []int{10}, count(200, 10)...),
		floatsIn("old aux", []int{5}, count(0, 5)...), floatsIn("same", []int{7}, count(300, 7)...))
	r := proposed(t, f, m, nil)
	require.Equal(t, `# kibisis renames 1
# model parameter <- tensor in the file
fc1.bias   <- zzz.b     # the only F32 [10] on both sides
fc1.weight <- zzz.a     # the only F32 [10 4] on both sides
head.bias  <- -         # not in the file: keeps its initial value
-          <- "old aux" # in the file only: passed over
`, r.String())
	report := mustLoad(t, f, m, reread(t, r.String()).LoadOptions(nil))
	require.Equal(t, []string{"fc1.bias", "fc1.weight", "same"}, report.Loaded)
	require.Equal(t, []string{"head.bias"}, report.Missing)
	require.Equal(t, []string{"old aux"}, report.Unexpected)
}

// What cannot be told apart is never guessed: the plan has the choices as comments, and
// replaying it fails as loading without it does.
func TestAmbiguousNamesAreLeftOpen(t *testing.T) {
	m := map[string]*tensor.Dense{"first.w": counting(2), "second.w": counting(2), "fine": counting(3)}
	f := fileFrom(t, nil, floatsIn("x.w", []int{2}, 5, 6), floatsIn("y.w", []int{2}, 7, 8), floatsIn("else", []int{3}, 1, 2, 3))
	r := proposed(t, f, FromValues(m), nil)
	require.Equal(t, []string{"first.w", "second.w"}, r.Undecided())
	require.Equal(t, `# kibisis renames 1
# model parameter <- tensor in the file
fine <- else # the only F32 [3] on both sides

# Not decided. Keep at most one line for each name, without its first sign;
# "-" on the right lets a parameter keep its initial value.
# first.w <- x.w # F32 [2]
# first.w <- y.w # F32 [2]
# second.w <- x.w # F32 [2]
# second.w <- y.w # F32 [2]
# - <- x.w # F32 [2]
# - <- y.w # F32 [2]
`, single(r.String()))
	var e *MismatchError
	require.ErrorAs(t, refused(t, f, FromValues(m), r.LoadOptions(nil)), &e)
	require.Len(t, e.Missing, 2)
	require.Equal(t, []string{"x.w", "y.w"}, e.Unexpected)

	// Somebody who knows takes two of the signs away.
	text := r.String()
	for _, line := range strings.Split(text, "\n") {
		if words := strings.Fields(line); len(words) > 3 && (words[1] == "first.w" && words[3] == "y.w" || words[1] == "second.w" && words[3] == "x.w") {
			text = strings.Replace(text, line, strings.TrimPrefix(line, "# "), 1)
		}
	}
	mustLoad(t, f, FromValues(m), reread(t, text).LoadOptions(nil))
	require.Equal(t, []float32{7, 8}, m["first.w"].Data())
	require.Equal(t, []float32{5, 6}, m["second.w"].Data())
}

// single makes columns into words.
func single(text string) string { return regexp.MustCompile(` +`).ReplaceAllString(text, " ") }

// Parents that belong together tell children apart that nothing else does.
func TestNeighboursTellTwinsApart(t *testing.T) {
	m := FromValues(map[string]*tensor.Dense{"one.w": counting(2), "two.w": counting(2), "one.own": counting(3), "two.own": counting(4)})
	f := fileFrom(t, nil, floatsIn("q.w", []int{2}, 1, 2), floatsIn("p.w", []int{2}, 3, 4), floatsIn("p.x", []int{3}, 1, 2, 3), floatsIn("q.x", []int{4}, 1, 2, 3, 4))
	r := proposed(t, f, m, nil)
	require.Empty(t, r.Undecided(), r.String())
	for stored, want := range map[string]string{"p.w": "one.w", "q.w": "two.w"} {
		param, ok := r.Param(stored)
		require.True(t, ok)
		require.Equal(t, want, param)
	}
}

func TestPrefixesAndNumbers(t *testing.T) {
	for _, c := range []struct{ what, param, stored string }{
		{"a prefix", "encoder.layer.%d.q.weight", "bert.encoder.layer.%d.q.weight"},
		{"a prefix less", "model.encoder.%d.weight", "encoder.%d.weight"},
		{"abbreviated", "h.%d.attn.c_proj.w", "transformer.layers.%d.attention.c_proj.weight"},
		{"in capitals", "Layer%d.Weight", "layer_%d/kernel"},
	} {
		m, others := map[string]*tensor.Dense{}, []safetensors.Source{}
		for i := range 12 {
			m[fmt.Sprintf(c.param, i)] = counting(2)
			others = append(others, floatsIn(fmt.Sprintf(c.stored, i), []int{2}, float32(i), 0), floatsIn(fmt.Sprintf("decoder.%d.bias", i), []int{2}, -1, -1))
		}
		f := fileFrom(t, nil, others...)
		r := proposed(t, f, FromValues(m), nil)
		mustLoad(t, f, FromValues(m), (&LoadOptions{AllowUnexpected: true}).with(r))
		for i := range 12 {
			require.Equal(t, []float32{float32(i), 0}, m[fmt.Sprintf(c.param, i)].Data(), "%s: %s", c.what, r)
		}
	}
}

func (o *LoadOptions) with(r *Renames) *LoadOptions { return r.LoadOptions(o) }

// Layers that are counted from one, or with gaps.
func TestOtherNumbersInTheirOrder(t *testing.T) {
	m := map[string]*tensor.Dense{"net.0.w": counting(2), "net.2.w": counting(2), "net.10.w": counting(2)}
	f := fileFrom(t, nil, floatsIn("fc1.kernel", []int{2}, 1, 1), floatsIn("fc2.kernel", []int{2}, 2, 2), floatsIn("fc3.kernel", []int{2}, 3, 3))
	r := proposed(t, f, FromValues(m), nil)
	require.Contains(t, r.String(), "# the only F32 [2] in 3 layers on both sides, in the order of their numbers")
	mustLoad(t, f, FromValues(m), r.LoadOptions(nil))
	require.Equal(t, []float32{3, 3}, m["net.10.w"].Data())
	require.Equal(t, []float32{2, 2}, m["net.2.w"].Data())
}

// Another shape is no matter of names, but may be that of another tensor.
func TestShapesThatDiffer(t *testing.T) {
	m := FromValues(map[string]*tensor.Dense{"turned": counting(2, 3), "0.w": counting(4), "1.w": counting(5), "gone": counting(3, 4)})
	f := fileFrom(t, nil, floatsIn("turned", []int{3, 2}, count(0, 6)...), floatsIn("1.w", []int{4}, count(0, 4)...), floatsIn("2.w", []int{5}, count(10, 5)...),
		floatsIn("flat", []int{12}, count(0, 12)...))
	r := proposed(t, f, m, nil)
	require.Equal(t, []string{"gone"}, r.Undecided())
	text := r.String()
	require.Contains(t, text, "\n# \"turned\" is [3 2] in the file, want [2 3] (transposed: Stored.Permute)\n")
	require.Contains(t, text, "\n0.w <- 1.w # the only F32 [4] and 1 more on both sides, in the order of their numbers\n1.w <- 2.w # ")
	require.Contains(t, text, "\n# gone <- flat # F32 [12], want F32 [3 4]\n")
	require.NotContains(t, text, "passed over")
	require.NotContains(t, text, `"1.w" is`, "another tensor mends it")
	var e *MismatchError
	require.ErrorAs(t, refused(t, f, m, r.LoadOptions(nil)), &e)
	require.Len(t, e.Shapes, 1)
	require.Len(t, e.Missing, 1)

	// The caller's own rules for shapes are kept, whatever the name.
	o := &LoadOptions{Stored: func(param string) Stored {
		switch param {
		case "turned":
			return Stored{Permute: []int{1, 0}}
		case "gone":
			return Stored{Shape: []int{-1}}
		}
		return Stored{}
	}}
	r = proposed(t, f, m, o)
	require.Empty(t, r.Undecided())
	mustLoad(t, f, m, r.LoadOptions(o))
}

func TestDtypesMustFit(t *testing.T) {
	m := FromValues(map[string]*tensor.Dense{"a": counting(2)})
	f := fileFrom(t, nil, numbersIn("x", safetensors.F64, []int{2}, []float64{1, 2}), numbersIn("y", safetensors.I64, []int{2}, []int64{1, 2}))
	r := proposed(t, f, m, nil)
	require.Equal(t, []string{"a"}, r.Undecided())
	require.Contains(t, r.String(), "# a <- x # F64 [2], want F32 [2]\n")
	o := &LoadOptions{Cast: CastExact}
	r = proposed(t, f, m, o)
	require.Contains(t, r.String(), "a <- x # the only F32 [2] on both sides\n- <- y # in the file only: passed over\n")
	mustLoad(t, f, m, r.LoadOptions(o))
}

func TestNothingToRename(t *testing.T) {
	m := FromValues(map[string]*tensor.Dense{"a": counting(2)})
	f := fileFrom(t, nil, floatsIn("a", []int{2}, 1, 2))
	r := proposed(t, f, m, nil)
	require.Equal(t, "# kibisis renames 1\n# model parameter <- tensor in the file\n", r.String())
	mustLoad(t, f, m, r.LoadOptions(nil))
	_, err := ProposeRenames(f, FromValues(map[string]*tensor.Dense{"": counting(2)}), nil)
	require.ErrorIs(t, err, ErrModel)
}

// A slice is of a tensor that several parameters share: its name is the caller's to say.
func TestSlicesAreNotRenamed(t *testing.T) {
	m := FromValues(map[string]*tensor.Dense{"q": counting(2), "k": counting(2)})
	f := fileFrom(t, nil, floatsIn("fused", []int{4}, 1, 2, 3, 4), floatsIn("other", []int{2}, 1, 2))
	at := map[string]int{"q": 0, "k": 2}
	r := proposed(t, f, m, &LoadOptions{Stored: func(p string) Stored {
		return Stored{Name: "qk", Slice: []safetensors.Index{safetensors.Range(at[p], at[p]+2)}}
	}})
	require.Contains(t, r.String(), `# "q" (stored as "qk") is a slice of a tensor that the file lacks: LoadOptions.Stored says of which`)
	require.NotContains(t, r.String(), "q <-")
}

func TestPlanAllowsWhatItNamesAndNothingElse(t *testing.T) {
	m := FromValues(map[string]*tensor.Dense{"a": counting(2), "b": counting(2)})
	f := fileFrom(t, nil, floatsIn("x", []int{2}, 1, 2), floatsIn("y", []int{2}, 1, 2))
	var e *MismatchError
	for _, c := range []struct{ plan, missing, unexpected string }{
		{"", "a b", "x y"},
		{"a <- x", "b", "y"},
		{"a <- x\nb <- -", "", "y"},
		{"a <- x\n- <- y", "b", ""},
		{"a <- -\n- <- x", "b", "y"},
		{"a <- z\n- <- x", "a b", "y"},
	} {
		r := reread(t, renamesHeader+"\n"+c.plan)
		require.ErrorAs(t, refused(t, f, m, r.LoadOptions(nil)), &e, c.plan)
		var missing []string
		for _, x := range e.Missing {
			missing = append(missing, x.Param)
		}
		require.Equal(t, c.missing, strings.Join(missing, " "), c.plan)
		require.Equal(t, c.unexpected, strings.Join(e.Unexpected, " "), c.plan)
	}
	o := &LoadOptions{}
	mustLoad(t, f, m, reread(t, renamesHeader+"\na <- x\nb <- -\n- <- y").LoadOptions(o))
	require.Nil(t, o.Stored, "the caller's options are as they were")

	// One plan after the other.
	first, second := reread(t, renamesHeader+"\na <- x\n- <- y"), reread(t, renamesHeader+"\nb <- -")
	mustLoad(t, f, m, second.LoadOptions(first.LoadOptions(nil)))
}

func TestPlansOfOtherModelsAreRefused(t *testing.T) {
	m := FromValues(map[string]*tensor.Dense{"a": counting(2), "b": counting(2)})
	f := fileFrom(t, nil, floatsIn("a", []int{2}, 1, 2), floatsIn("b", []int{2}, 3, 4))
	for plan, want := range map[string]string{
		"c <- b": `"c": in the renames, not in the model`,
		"c <- -": `"c": in the renames, not in the model`,
		"a <- b": `"b": stored as "b", which the renames give to "a"`,
	} {
		err := refused(t, f, m, reread(t, renamesHeader+"\n"+plan).LoadOptions(nil))
		require.ErrorIs(t, err, ErrModel)
		require.ErrorContains(t, err, want)
	}
	mustLoad(t, f, m, reread(t, renamesHeader+"\na <- b\nb <- a").LoadOptions(nil))
	for name, v := range m.StateDict() {
		require.Equal(t, map[string][]float32{"a": {3, 4}, "b": {1, 2}}[name], v.Value().Data(), "a swap")
	}
}

func TestTiesAreRenamedOnce(t *testing.T) {
	shared := counting(2)
	m := FromValues(map[string]*tensor.Dense{"embed": shared, "head": shared})
	f := fileFrom(t, nil, floatsIn("wte", []int{2}, 7, 8))
	r := proposed(t, f, m, nil)
	report := mustLoad(t, f, m, r.LoadOptions(nil))
	require.Equal(t, []string{"embed", "head"}, report.Loaded)
	require.Equal(t, []float32{7, 8}, shared.Data())
	mustLoad(t, fileFrom(t, nil, floatsIn("else", []int{3}, 1, 2, 3)), m, reread(t, renamesHeader+"\nhead <- -\n- <- else").LoadOptions(nil))
}

func TestParamOfATensor(t *testing.T) {
	r := reread(t, renamesHeader+"\na <- x\nb <- -\n- <- y")
	for stored, want := range map[string]string{"x": "a", "other": "other", "b": "b"} {
		param, ok := r.Param(stored)
		require.True(t, ok, stored)
		require.Equal(t, want, param)
	}
	for _, stored := range []string{"y", "a"} {
		_, ok := r.Param(stored)
		require.False(t, ok, stored)
	}
}

// Ten thousand names that nothing tells apart are no reason to compute for minutes.
func TestManyTwins(t *testing.T) {
	m, stored := map[string]gorgonia.Value{}, []safetensors.Source{}
	letters := func(i int) string {
		return strings.Map(func(r rune) rune { return r + 'a' - '0' }, fmt.Sprintf("%05d", i))
	}
	for i := range 3000 {
		m["p."+letters(i)] = counting(1)
		stored = append(stored, floatsIn("q."+letters(i+30000), []int{1}, 0))
	}
	r := proposed(t, fileFrom(t, nil, stored...), FromValues(m), nil)
	require.Len(t, r.Undecided(), 3000)
	require.Equal(t, slices.Sorted(maps.Keys(m)), r.Undecided())
}

// Whatever differs: a plan without open lines loads, one with some changes nothing, and
// each line is a parameter and a tensor of one shape.
func TestAnyPlanLoadsOrLeavesOpen(t *testing.T) {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab]\.[01]\.(w|bias)`), 1, 8, rapid.ID[string])
	rapid.Check(t, func(rt *rapid.T) {
		shape := rapid.IntRange(1, 4)
		m, wants := map[string]*tensor.Dense{}, map[string]int{}
		for _, name := range names.Draw(rt, "model") {
			wants[name] = shape.Draw(rt, name)
			m[name] = counting(wants[name])
		}
		sizes, stored := map[string]int{}, []safetensors.Source{}
		for _, name := range names.Draw(rt, "file") {
			sizes[name] = shape.Draw(rt, "stored "+name)
			stored = append(stored, floatsIn(name, []int{sizes[name]}, count(9, sizes[name])...))
		}
		f := fileFrom(t, nil, stored...)
		r := proposed(t, f, FromValues(m), nil)
		for _, e := range r.entries {
			if e.param != "" && e.stored != "" {
				require.Equal(rt, wants[e.param], sizes[e.stored], r.String())
			}
		}
		if len(r.open) == 0 && len(r.notes) == 0 {
			mustLoad(t, f, FromValues(m), reread(t, r.String()).LoadOptions(nil))
			return
		}
		err := refused(t, f, FromValues(m), r.LoadOptions(nil))
		require.True(rt, errors.Is(err, ErrMismatch) || errors.Is(err, ErrModel), "%v", err)
	})
}
