package nn

// This file compares layers with PyTorch: testdata/gen says what a fixture holds.

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/fb777929/kibisis/nn/internal/op"
)

// tolerance is how far a number may be from PyTorch's, as a part of the largest of its tensor.
var tolerance = map[tensor.Dtype]float64{tensor.Float32: 1e-5, tensor.Float64: 1e-10}

var dtypes = map[string]tensor.Dtype{"f32": tensor.Float32, "f64": tensor.Float64}

// A build makes a model in s and returns its forward pass.
type build func(s *Scope) func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node

// layer is a model that is one layer, of one input x.
func layer[L Layer](new func(s *Scope) L) build {
	return func(s *Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
		l := new(s)
		return func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node { return l.Forward(g, in["x"]) }
	}
}

// parity runs a model with the inputs and the state of a case, thrice, and compares results,
// gradients and buffers, and the names of the state dict. Inputs and parameters must stay as they are.
func parity(t *testing.T, file, name string, train bool, model build) {
	t.Helper()
	for short, dt := range dtypes {
		t.Run(name+"/"+short, func(t *testing.T) {
			f, err := safetensors.Open(filepath.Join("testdata", file+".safetensors"), nil)
			require.NoError(t, err)
			defer f.Close()
			c := fixture{t, f, name + "." + short + ".", tolerance[dt]}

			s := NewScopeOf(dt, Seeded(1))
			forward := model(s)
			require.NoError(t, s.Err())
			require.Equal(t, c.names("state."), stateNames(s), "names of the state dict")
			g := newGraph(train, rand.NewPCG(1, 1))
			x := NewScopeOf(dt, Seeded(1))
			in := map[string]*gorgonia.Node{}
			for _, key := range c.names("in.") {
				in[key] = c.input(g, x, key)
			}
			out := forward(g, in)
			require.NoError(t, g.Err())
			dout := g.Input("dout", dt, out.Shape()...)
			c.fill(dout.Value(), "dout")
			loss, err := op.Dot(g.tape, out, dout)
			require.NoError(t, err)
			learnables, err := g.Grad(loss)
			require.NoError(t, err)
			machine, err := g.Machine()
			require.NoError(t, err)
			for range 3 {
				for key, v := range s.StateDict() {
					c.fill(v.Value(), "state."+key)
				}
				before := hashes(x, s)
				require.NoError(t, machine.Run())
				require.Equal(t, before, hashes(x, s), "inputs and parameters are changed")
				c.compare(out.Value(), "out")
				compared := 0
				for _, l := range learnables {
					p := l.(*Learnable)
					v, err := p.Grad()
					require.NoError(t, err)
					if _, ok := x.Named(p.Name()); ok {
						c.compare(v, "din."+strings.TrimPrefix(p.Name(), "in."))
					} else {
						c.compare(v, "dparam."+p.Name())
					}
					compared++
				}
				require.Equal(t, len(c.names("din."))+len(c.names("dparam.")), compared, "gradients")
				for _, key := range c.names("after.") {
					p, ok := s.Named(key)
					require.True(t, ok, key)
					c.compare(p.Value(), "after."+key)
				}
			}
		})
	}
}

func stateNames(s *Scope) []string {
	names := []string{}
	for name := range s.StateDict() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// hashes sums every parameter, buffers left out.
func hashes(scopes ...*Scope) map[string]uint64 {
	all := map[string]uint64{}
	for _, s := range scopes {
		for _, p := range s.Params() {
			h := fnv.New64a()
			h.Write(p.value.Raw)
			all[p.name] = h.Sum64()
		}
	}
	return all
}

// A fixture is one case of a file, in one dtype.
type fixture struct {
	t         *testing.T
	f         *safetensors.File
	prefix    string
	tolerance float64
}

// names are what is below a key, sorted.
func (c fixture) names(key string) []string {
	names := []string{}
	for name := range c.f.All() {
		if rest, ok := strings.CutPrefix(name, c.prefix+key); ok {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

func (c fixture) dense(key string) *tensor.Dense {
	t, err := c.f.Tensor(c.prefix + key)
	require.NoError(c.t, err)
	d, err := checkpoint.Dense(t)
	require.NoError(c.t, err)
	return d
}

// input makes a parameter of an input, so that its gradient is computed, or indices.
func (c fixture) input(g *Graph, s *Scope, key string) *gorgonia.Node {
	d := c.dense("in." + key)
	if d.Dtype() == tensor.Int64 {
		n := g.Input("in."+key, tensor.Int, d.Shape()...)
		for i, x := range d.Data().([]int64) {
			n.Value().Data().([]int)[i] = int(x)
		}
		return n
	}
	p := s.Param("in."+key, Zeros, d.Shape()...)
	require.NoError(c.t, s.Err())
	copy(p.value.Raw, d.Raw)
	return g.Node(p)
}

func (c fixture) fill(v gorgonia.Value, key string) {
	from := c.dense(key)
	to := v.(*tensor.Dense)
	require.Equal(c.t, from.Dtype(), to.Dtype(), key)
	require.Equal(c.t, []int(from.Shape()), []int(to.Shape()), key)
	copy(to.Raw, from.Raw)
}

// compare holds v against the fixture's tensor.
func (c fixture) compare(v gorgonia.Value, key string) {
	c.t.Helper()
	want := c.dense(key)
	require.Equal(c.t, []int(want.Shape()), []int(v.Shape()), key)
	requireClose(c.t, numbers(want), numbers(v), c.tolerance, key)
}

// requireClose wants no number to differ by more than a part of the largest.
func requireClose(t *testing.T, want, got []float64, tolerance float64, key string) {
	t.Helper()
	require.Len(t, got, len(want), key)
	most := 0.0
	for _, x := range want {
		most = max(most, math.Abs(x))
	}
	for i := range want {
		if math.IsNaN(want[i]) && math.IsNaN(got[i]) || want[i] == got[i] {
			continue
		}
		if !(math.Abs(want[i]-got[i]) <= tolerance*max(most, 1e-3)) {
			require.Failf(t, "numbers differ", "%s: at %d: got %v, want %v; the largest is %v", key, i, got[i], want[i], most)
		}
	}
}

// numbers are the elements of v.
func numbers(v gorgonia.Value) []float64 {
	switch data := v.Data().(type) {
	case float32:
		return []float64{float64(data)}
	case float64:
		return []float64{data}
	case int64:
		return []float64{float64(data)}
	case []float32:
		all := make([]float64, len(data))
		for i, x := range data {
			all[i] = float64(x)
		}
		return all
	case []float64:
		return data
	}
	panic("no numbers: " + v.Dtype().String())
}
