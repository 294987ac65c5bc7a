package checkpoint

// These tests are about Stored: one rule that saving and loading share.

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

func always(s Stored) func(string) Stored { return func(string) Stored { return s } }

// What a rule does to 0, 1, ... of a shape, said by hand.
func TestStoredByHand(t *testing.T) {
	for _, c := range []struct {
		name  string
		from  []int
		rule  Stored
		shape []int
		want  []float32
	}{
		{"nothing", []int{2, 3}, Stored{}, []int{2, 3}, count(0, 6)},
		{"turned", []int{2, 3}, Stored{Permute: []int{1, 0}}, []int{3, 2}, []float32{0, 3, 1, 4, 2, 5}},
		{"three axes, as torch.permute(2, 0, 1)", []int{1, 2, 3}, Stored{Permute: []int{2, 0, 1}}, []int{3, 1, 2}, []float32{0, 3, 1, 4, 2, 5}},
		{"turned by nothing", []int{2, 3}, Stored{Permute: []int{0, 1}}, []int{2, 3}, count(0, 6)},
		{"a bias of (1, 4) as (4)", []int{1, 4}, Stored{Shape: []int{-1}}, []int{4}, count(0, 4)},
		{"a bias of (4) as (1, 4)", []int{4}, Stored{Shape: []int{1, -1}}, []int{1, 4}, count(0, 4)},
		{"given whole", []int{2, 6}, Stored{Shape: []int{3, 4}}, []int{3, 4}, count(0, 12)},
		{"turned, then flat", []int{2, 3}, Stored{Permute: []int{1, 0}, Shape: []int{-1}}, []int{6}, []float32{0, 3, 1, 4, 2, 5}},
		{"one as a scalar", []int{1, 1}, Stored{Shape: []int{}}, []int{}, []float32{0}},
		{"a scalar as one", nil, Stored{Shape: []int{1}}, []int{1}, []float32{0}},
		{"empty", []int{0, 3}, Stored{Permute: []int{1, 0}, Shape: []int{-1, 7}}, []int{0, 7}, []float32{}},
		{"another name", []int{2}, Stored{Name: "other"}, []int{2}, count(0, 2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "x"
			if c.rule.Name != "" {
				name = c.rule.Name
			}
			f := openPath(t, saved(t, one(counting(c.from...)), &SaveOptions{Stored: always(c.rule)}))
			x, err := f.Tensor(name)
			require.NoError(t, err)
			require.Equal(t, c.shape, append([]int{}, x.Shape()...))
			require.Equal(t, c.want, append([]float32{}, float32sOf(t, f, name)...))

			back := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(c.from...))
			report := mustLoad(t, f, one(back), &LoadOptions{Stored: always(c.rule)})
			require.Equal(t, []string{"x"}, report.Loaded)
			require.Empty(t, report.Aliased, "a rule is no alias")
			require.Equal(t, elements(t, counting(c.from...)), elements(t, back))
		})
	}
}

func TestStoredThatMakesNoSense(t *testing.T) {
	m := map[string]*tensor.Dense{}
	rules := map[string]Stored{
		"a too few axes":    {Permute: []int{0}},
		"b too many axes":   {Permute: []int{0, 1, 2}},
		"c an axis twice":   {Permute: []int{0, 0}},
		"d an axis below":   {Permute: []int{-1, 0}},
		"e an axis above":   {Permute: []int{0, 2}},
		"f another size":    {Shape: []int{7}},
		"g does not divide": {Shape: []int{-1, 4}},
		"h two free dims":   {Shape: []int{-1, -1}},
		"i a negative dim":  {Shape: []int{-2, -3}},
		"j free and empty":  {Shape: []int{-1, 0}},
		"k too large":       {Shape: []int{math.MaxInt, math.MaxInt, math.MaxInt}},
		"l wraps around":    {Shape: []int{1 << (strconv.IntSize / 2), 1 << (strconv.IntSize / 2), 6}},
		"m a scalar":        {Shape: []int{}},
	}
	for name := range rules {
		m[name] = counting(2, 3)
	}
	m["n fine"] = counting(2, 3)
	stored := func(param string) Stored { return rules[param] }
	saveErr := SaveModel(t.Context(), t.TempDir()+"/m", FromValues(m), &SaveOptions{Stored: stored})
	loadErr := refused(t, fileFrom(t, nil), FromValues(m), &LoadOptions{Stored: stored})
	require.Equal(t, saveErr, loadErr)

	var e *ModelError
	require.ErrorAs(t, saveErr, &e)
	require.Len(t, e.Problems, len(rules))
	for i, p := range e.Problems {
		require.Equal(t, byte('a'+i), p.Name[0], "sorted")
		field := "Stored.Permute"
		if i >= 5 {
			field = "Stored.Shape"
		}
		require.Contains(t, p.Reason, field)
	}
	require.Contains(t, e.Problems[0].Reason, "Stored.Permute [0] is no order of the 2 axes of [2 3]")
	require.Contains(t, e.Problems[5].Reason, "Stored.Shape [7] has not the 6 elements of [2 3]")
}

// A mismatch is said in the file's layout, under both names.
func TestMismatchOfAStoredParam(t *testing.T) {
	f := fileFrom(t, nil, floatsIn("linear.weight", []int{2, 3}, count(0, 6)...))
	err := refused(t, f, one(counting(2, 3)), &LoadOptions{Stored: always(Stored{Name: "linear.weight", Permute: []int{1, 0}})})
	var e *MismatchError
	require.ErrorAs(t, err, &e)
	require.Equal(t, []ShapeMismatch{{Param: "x", Stored: "linear.weight", Got: []int{2, 3}, Want: []int{3, 2}}}, e.Shapes)
	require.ErrorContains(t, err, `"x" (stored as "linear.weight") is [2 3] in the file, want [3 2] (transposed: Stored.Permute)`)

	err = refused(t, f, one(counting(2, 3)), &LoadOptions{Stored: always(Stored{Name: "linear.wait"})})
	require.ErrorContains(t, err, `1 missing tensor: "x" (stored as "linear.wait"), did you mean "linear.weight"? | 1 unexpected tensor: "linear.weight"`)
}

// The keys of a fused q, k, v, as GPT-2 stores them: c_attn.weight is (4, 12), its
// bias (12).
func TestSlicesOfAFusedTensor(t *testing.T) {
	f := openPath(t, "../testdata/safetensors-py-gpt2.safetensors")
	fused := float32sOf(t, f, "h.0.attn.c_attn.weight")
	bias := float32sOf(t, f, "h.0.attn.c_attn.bias")
	parts := map[string]int{"q": 0, "k": 4, "v": 8}
	params := map[string]*tensor.Dense{}
	for part := range parts {
		params[part+".w"], params[part+".b"] = counting(4, 4), counting(4)
		params[part+".turned"] = counting(4, 4)
	}
	turned := counting(4, 4)
	require.NoError(t, turned.T())
	params["k.w"] = turned // memory of another layout
	report, err := ReadModel(t.Context(), f, FromValues(params), &LoadOptions{
		AllowUnexpected: true,
		Stored: func(param string) Stored {
			columns := safetensors.Range(parts[param[:1]], parts[param[:1]]+4)
			switch param[2:] {
			case "b":
				return Stored{Name: "h.0.attn.c_attn.bias", Slice: []safetensors.Index{columns}}
			case "turned":
				return Stored{Name: "h.0.attn.c_attn.weight", Permute: []int{1, 0}, Slice: []safetensors.Index{safetensors.All(), columns}}
			}
			return Stored{Name: "h.0.attn.c_attn.weight", Slice: []safetensors.Index{safetensors.All(), columns}}
		},
	})
	require.NoError(t, err)
	require.Len(t, report.Loaded, 9)
	require.NotContains(t, report.Unexpected, "h.0.attn.c_attn.weight")
	for part, begin := range parts {
		require.Equal(t, bias[begin:begin+4], params[part+".b"].Data())
		for i := range 4 {
			for j := range 4 {
				x, err := params[part+".w"].At(i, j)
				require.NoError(t, err)
				require.Equal(t, fused[12*i+begin+j], x)
				x, err = params[part+".turned"].At(j, i)
				require.NoError(t, err)
				require.Equal(t, fused[12*i+begin+j], x)
			}
		}
	}
}

// The same GPT-2 under the names and layout of another framework is, through one rule,
// the same GPT-2, and goes back as it came.
func TestGPT2OfAnotherFramework(t *testing.T) {
	hub, linear := openPath(t, "../testdata/safetensors-py-gpt2.safetensors"), openPath(t, "../testdata/safetensors-py-gpt2-linear.safetensors")
	model := map[string]*tensor.Dense{}
	for name, x := range hub.All() {
		if name != "h.0.attn.bias" { // a mask
			model[name] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(x.Shape()...))
		}
	}
	rule := func(param string) Stored {
		s := Stored{Name: strings.NewReplacer("h.0.", "blocks.0.", "attn.c_attn", "attn.qkv", ".c_", ".").Replace(param)}
		if strings.Contains(param, ".c_") && strings.HasSuffix(param, ".weight") {
			s.Permute = []int{1, 0}
		}
		return s
	}
	report := mustLoad(t, linear, FromValues(model), &LoadOptions{Stored: rule})
	require.Len(t, report.Loaded, 16)
	for name, d := range model {
		require.Equal(t, float32sOf(t, hub, name), d.Data(), name)
	}
	again := openPath(t, saved(t, FromValues(model), &SaveOptions{Stored: rule}))
	require.Equal(t, linear.Names(), again.Names())
	for _, name := range linear.Names() {
		require.Equal(t, storedBytes(t, linear, name), storedBytes(t, again, name))
	}
}

// Old BERT files say gamma and beta, and "bert." before every name.
func TestNamesOfAnOldBERT(t *testing.T) {
	f := openPath(t, "../testdata/safetensors-py-bert.safetensors")
	gain, query := counting(4), counting(4, 4)
	m := FromValues(map[string]*tensor.Dense{"embeddings.LayerNorm.weight": gain, "encoder.layer.0.attention.self.query.weight": query})
	var e *MismatchError
	require.ErrorAs(t, refused(t, f, m, &LoadOptions{AllowUnexpected: true}), &e)
	require.Equal(t, "bert.encoder.layer.0.attention.self.query.weight", e.Missing[1].Near)

	_, err := ReadModel(t.Context(), f, m, &LoadOptions{AllowUnexpected: true, Stored: func(p string) Stored {
		return Stored{Name: "bert." + strings.Replace(p, "LayerNorm.weight", "LayerNorm.gamma", 1)}
	}})
	require.NoError(t, err)
	require.Equal(t, float32sOf(t, f, "bert.embeddings.LayerNorm.gamma"), gain.Data())
}

func TestSlicesThatDoNotFit(t *testing.T) {
	f := fileFrom(t, nil,
		floatsIn("x", []int{4, 6}, count(0, 24)...),
		safetensors.Source{Name: "f4", DType: safetensors.F4, Shape: []int{8}, Data: make([]byte, 4)})
	slice := func(ix ...safetensors.Index) *LoadOptions {
		return &LoadOptions{Stored: always(Stored{Slice: ix}), AllowUnexpected: true}
	}
	for want, o := range map[string]*LoadOptions{
		"is [2 6] in the file, want [2 3]": slice(safetensors.Range(0, 2)),
		"index 9 on 4 elements":            slice(safetensors.At(9)),
		"3 indexes for 2 axes":             slice(safetensors.All(), safetensors.All(), safetensors.All()),
		"is [0 3] in the file, want [2 3]": slice(safetensors.Range(9, 11), safetensors.Range(0, 3)),
	} {
		require.ErrorContains(t, refused(t, f, one(counting(2, 3)), o), want)
	}
	// A slice out of range is a mistake of the caller's, never "another shape".
	o := slice(safetensors.At(9))
	o.KeepOnShapeMismatch = true
	require.ErrorContains(t, refused(t, f, one(counting(2, 3)), o), "index 9 on 4 elements")

	o = &LoadOptions{Cast: CastExact, AllowUnexpected: true, Stored: always(Stored{Name: "f4", Slice: []safetensors.Index{safetensors.Range(1, 3)}})}
	require.ErrorContains(t, refused(t, f, one(counting(2)), o), "splits a byte of F4")
	o.Stored = always(Stored{Name: "f4", Slice: []safetensors.Index{safetensors.Range(2, 4)}})
	mustLoad(t, f, one(counting(2)), o)
}

// Slices are covered by the checksum of the whole.
func TestChecksumOfASlice(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteModel(t.Context(), &b, one(counting(4, 6)), &SaveOptions{Checksums: true}))
	rows := &LoadOptions{Stored: always(Stored{Slice: []safetensors.Index{safetensors.Range(2, 4)}})}
	file := b.Bytes()
	whole, err := safetensors.OpenBytes(file, nil)
	require.NoError(t, err)
	d := counting(2, 6)
	mustLoad(t, whole, one(d), rows)
	require.Equal(t, count(12, 12), d.Data())

	bad := bytes.Clone(file)
	bad[len(bad)-4*24] ^= 1 // in row 0
	damaged, err := safetensors.OpenBytes(bad, nil)
	require.NoError(t, err)
	require.ErrorIs(t, refused(t, damaged, one(d), rows), safetensors.ErrChecksum)
}

// TestStoredGoesBackTheWayItCame: whatever the rule, the layout and the dtype, what was
// saved with a rule is what loading with it gives back, to the bit.
func TestStoredGoesBackTheWayItCame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(storable).Draw(rt, "dtype")
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(rt, "shape")
		from, to := drawDense(rt, kind.host, shape), drawDense(rt, kind.host, shape)
		order := rapid.Permutation(upTo(len(shape))).Draw(rt, "order in file")
		rule := Stored{Name: "stored", Permute: order, Shape: drawShape(rt, shape)}
		var b bytes.Buffer
		require.NoError(rt, WriteModel(t.Context(), &b, one(from), &SaveOptions{Stored: always(rule)}))
		f, err := safetensors.OpenBytes(b.Bytes(), nil)
		require.NoError(rt, err)
		require.Equal(rt, permuted(t, from, order), append([]byte(nil), storedBytes(t, f, "stored")...))

		mustLoad(t, f, one(to), &LoadOptions{Stored: always(rule)})
		require.Equal(rt, elements(t, from), elements(t, to))
	})
}

// permuted are the elements of d in the order of its permuted axes, by Gorgonia's At.
func permuted(t *testing.T, d *tensor.Dense, order []int) []byte {
	if len(order) == 0 {
		return elements(t, d)
	}
	shape, at := make([]int, len(order)), make([]int, len(order))
	for k, from := range order {
		shape[k] = d.Shape()[from]
	}
	var all []byte
	eachIndex(shape, func(index []int) {
		for k, from := range order {
			at[from] = index[k]
		}
		x, err := d.At(at...)
		require.NoError(t, err)
		all = append(all, element(t, x)...)
	})
	return all
}

// drawShape makes another shape with as many elements, or nil.
func drawShape(t *rapid.T, shape []int) []int {
	switch rapid.IntRange(0, 3).Draw(t, "reshape") {
	case 0:
		return nil
	case 1:
		if !slices.Contains(shape, 0) {
			return []int{-1}
		}
	case 2:
		return append([]int{1}, append(slices.Clone(shape), 1)...)
	}
	n := 1
	for _, dim := range shape {
		n *= dim
	}
	for _, d := range []int{2, 3, 5} {
		if n > 0 && n%d == 0 {
			return []int{d, -1}
		}
	}
	return []int{n}
}

// The shape of a node without a value is what a rule is checked against.
func TestStoredOfANodeWithoutValue(t *testing.T) {
	n := gorgonia.NewMatrix(gorgonia.NewGraph(), gorgonia.Float32, gorgonia.WithShape(3, 2), gorgonia.WithName("x"))
	mustLoad(t, fileFrom(t, nil, floatsIn("x", []int{2, 3}, count(0, 6)...)), FromNodes(n), &LoadOptions{Stored: always(Stored{Permute: []int{1, 0}})})
	require.Equal(t, []float32{0, 3, 1, 4, 2, 5}, n.Value().Data())
}
