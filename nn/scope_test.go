package nn

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func TestNamesArePaths(t *testing.T) {
	s := NewScope(1)
	w := s.Sub("encoder").Sub("layers").Index(3).Param("weight", Zeros, 2, 3)
	b := s.Sub("encoder.layers.3").Buffer("mean", Zeros, 2)
	s.Param("bias", Zeros, 1)
	require.NoError(t, s.Err())
	require.Equal(t, "encoder.layers.3.weight", w.Name())
	require.Equal(t, []string{"bias", "encoder.layers.3.mean", "encoder.layers.3.weight"}, stateNames(s))
	require.Equal(t, []string{"3.mean", "3.weight"}, stateNames(s.Sub("encoder").Sub("layers")), "names are relative")
	require.Empty(t, stateNames(s.Sub("enc")), "a name is a name, not its beginning")

	found, ok := s.Sub("encoder").Named("layers.3.mean")
	require.True(t, ok)
	require.Same(t, b, found)
	_, ok = s.Named("layers.3.mean")
	require.False(t, ok)
}

func TestStateDictStopsWhenAsked(t *testing.T) {
	s := NewScope(1)
	s.Param("a", Zeros, 1)
	s.Param("b", Zeros, 1)
	n := 0
	for range s.StateDict() {
		n++
		break
	}
	require.Equal(t, 1, n)
}

func TestParamsAreThoseToTrain(t *testing.T) {
	s := NewScope(1)
	b := s.Sub("b").Param("weight", Zeros, 1)
	a := s.Sub("a").Param("weight", Zeros, 1)
	s.Sub("a").Buffer("mean", Zeros, 1)
	count := s.Counter("count")
	a.Freeze()
	require.Equal(t, []*Param{b, a}, s.Params(), "in the order in which they were made, frozen ones too")
	require.Equal(t, []*Param{a}, s.Sub("a").Params())
	require.Equal(t, tensor.Int64, count.Dtype())
	require.Empty(t, count.Shape())
	require.False(t, count.Trained())
}

func TestATieIsOneTensor(t *testing.T) {
	s := NewScope(1)
	w := s.Sub("embedding").Param("weight", Normal(0, 1), 4, 2)
	s.Sub("head").Tie("weight", w)
	require.NoError(t, s.Err())
	require.Equal(t, []string{"embedding.weight", "head.weight"}, stateNames(s))
	require.Equal(t, "embedding.weight", w.Name(), "the first name")
	for name, v := range s.StateDict() {
		require.Same(t, w.Dense(), v.Value(), name)
	}
	require.Equal(t, []*Param{w}, s.Params(), "it is trained once")
	found, ok := s.Named("head.weight")
	require.True(t, ok)
	require.Same(t, w, found)
	require.Equal(t, []string{"weight"}, stateNames(s.Sub("head")))
}

func TestFreezing(t *testing.T) {
	s := NewScope(1)
	body := s.Sub("body").Param("weight", Zeros, 1)
	mean := s.Sub("body").Buffer("mean", Zeros, 1)
	head := s.Sub("head").Param("weight", Zeros, 1)
	require.True(t, body.Trained())
	require.False(t, mean.Trained())
	s.Sub("body").Freeze()
	require.False(t, body.Trained())
	require.True(t, head.Trained())
	body.Unfreeze()
	require.True(t, body.Trained())
	mean.Unfreeze()
	require.False(t, mean.Trained(), "a buffer never is")
}

// TestTheFirstErrorOfAModel: it is kept, it names the tensor, and building goes on to its end.
func TestTheFirstErrorOfAModel(t *testing.T) {
	refused := errors.New("refused")
	for want, build := range map[string]func(s *Scope){
		`nn: "fc.weight": the name is used twice`: func(s *Scope) {
			s.Sub("fc").Param("weight", Zeros, 1)
			s.Sub("fc").Param("weight", Zeros, 1)
		},
		`nn: "fc.bias": the name is used twice`: func(s *Scope) {
			s.Sub("fc").Tie("bias", s.Sub("fc").Param("bias", Zeros, 1))
		},
		`nn: "fc.weight": shape (2, 0): every dimension must be above 0`: func(s *Scope) { s.Sub("fc").Param("weight", Zeros, 2, 0) },
		`nn: "fc.": "" is no name: want segments joined by dots`:         func(s *Scope) { s.Sub("fc").Param("", Zeros, 1) },
		`nn: "a..b": "a..b" is no name: want segments joined by dots`:    func(s *Scope) { s.Sub("a..b") },
		`nn: ".": "." is no name: want segments joined by dots`:          func(s *Scope) { s.Buffer(".", Zeros, 1) },
	} {
		s := NewScope(1)
		build(s)
		require.EqualError(t, s.Err(), want)
		later := s.Sub("later").Param("weight", Zeros, -1)
		require.EqualError(t, s.Err(), want, "the first is kept")
		require.NotNil(t, later.Value())
		require.EqualError(t, s.Sub("anywhere").Err(), want, "by all scopes of the model")
	}
	for want, values := range map[string]Values{
		`nn: "w": refused`: func(string, tensor.Dtype, tensor.Shape, Init) (*tensor.Dense, error) { return nil, refused },
		`nn: "w": got values of float32 (3, 2), want float32 (2, 3)`: func(string, tensor.Dtype, tensor.Shape, Init) (*tensor.Dense, error) {
			return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(3, 2)), nil
		},
		`nn: "w": got values of float64 (2, 3), want float32 (2, 3)`: func(string, tensor.Dtype, tensor.Shape, Init) (*tensor.Dense, error) {
			return tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2, 3)), nil
		},
	} {
		s := NewScopeOf(tensor.Float32, values)
		s.Param("w", Zeros, 2, 3)
		require.EqualError(t, s.Err(), want)
	}
	asked := 0
	s := NewScopeOf(tensor.Float32, func(string, tensor.Dtype, tensor.Shape, Init) (*tensor.Dense, error) {
		asked++
		return nil, refused
	})
	NewLinear(s, 2, 3, nil)
	require.Equal(t, 1, asked, "no values are asked for after an error")
	require.ErrorContains(t, NewScopeOf(tensor.Int, Seeded(1)).Err(), "a model of int: want float32 or float64")
}

// TestSeededValues follow from the seed and the name, not from the order or from other layers.
func TestSeededValues(t *testing.T) {
	draw := func(seed uint64, dt tensor.Dtype, names ...string) map[string][]float64 {
		s := NewScopeOf(dt, Seeded(seed))
		all := map[string][]float64{}
		for _, name := range names {
			all[name] = numbers(s.Sub("net").Param(name, Normal(0, 1), 5).Value())
		}
		require.NoError(t, s.Err())
		return all
	}
	one := draw(1, tensor.Float64, "a", "b", "c")
	require.Equal(t, one, draw(1, tensor.Float64, "c", "a", "b"), "order")
	require.Equal(t, one["b"], draw(1, tensor.Float64, "b")["b"], "other layers")
	require.NotEqual(t, one["a"], one["b"], "names")
	require.NotEqual(t, one["a"], draw(2, tensor.Float64, "a")["a"], "seeds")
	for i, x := range draw(1, tensor.Float32, "a")["a"] {
		require.Equal(t, float64(float32(one["a"][i])), x, "both dtypes have the same numbers, rounded")
	}
	// A seed means the same in each version: its source is PCG of the seed and FNV-1a of the name.
	values := make([]float64, 1)
	Normal(0, 1)(rand.New(rand.NewPCG(1, 0xbc3ba21e34a737f9)), tensor.Shape{1}, values)
	require.Equal(t, one["a"][:1], values, "the source of net.a")
}
