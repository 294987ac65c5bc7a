package solver

// This file has what the tests share: a small network, its training, and copies of states
// made without the code under test.

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

const (
	batchSize = 5
	inputs    = 4
	hidden    = 3
)

// A net is tanh(x·w1 + b1)·w2, times a scalar parameter where wanted, against y.
type net struct {
	dtype  tensor.Dtype
	vm     gorgonia.VM
	x, y   *gorgonia.Node
	params gorgonia.Nodes
	order  []gorgonia.ValueGrad
}

// newNet makes a net whose weights are always the same.
func newNet(t testing.TB, dtype tensor.Dtype, scalar bool) *net {
	t.Helper()
	g, r := gorgonia.NewGraph(), rand.New(rand.NewPCG(1, 2))
	n := &net{dtype: dtype}
	leaf := func(name string, shape ...int) *gorgonia.Node {
		return gorgonia.NodeFromAny(g, noise(r, dtype, shape...), gorgonia.WithName(name))
	}
	n.x, n.y = leaf("x", batchSize, inputs), leaf("y", batchSize, 1)
	w1, b1, w2 := leaf("w1", inputs, hidden), leaf("b1", 1, hidden), leaf("w2", hidden, 1)
	n.params = gorgonia.Nodes{w1, b1, w2}
	h := gorgonia.Must(gorgonia.BroadcastAdd(gorgonia.Must(gorgonia.Mul(n.x, w1)), b1, nil, []byte{0}))
	out := gorgonia.Must(gorgonia.Mul(gorgonia.Must(gorgonia.Tanh(h)), w2))
	if scalar {
		s := gorgonia.NewScalar(g, dtype, gorgonia.WithName("s"), gorgonia.WithValue(number(dtype, 1.5)))
		n.params = append(n.params, s)
		out = gorgonia.Must(gorgonia.Mul(out, s))
	}
	cost := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(gorgonia.Must(gorgonia.Sub(out, n.y))))))
	_, err := gorgonia.Grad(cost, n.params...)
	require.NoError(t, err)
	n.vm = gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(n.params...))
	n.order = gorgonia.NodesToValueGrads(n.params)
	return n
}

// number is x as Go's number of that dtype.
func number(dtype tensor.Dtype, x float64) any {
	if dtype == tensor.Float32 {
		return float32(x)
	}
	return x
}

// noise is a row-major tensor of numbers in [-1, 1).
func noise(r *rand.Rand, dtype tensor.Dtype, shape ...int) *tensor.Dense {
	d := tensor.New(tensor.Of(dtype), tensor.WithShape(shape...))
	refill(d, r)
	return d
}

func refill(v gorgonia.Value, r *rand.Rand) {
	m, _ := memoryOf(v)
	for i := 0; i < len(m.raw); i += int(m.width()) {
		put(m.raw[i:], m.dtype, 2*r.Float64()-1)
	}
}

func put(b []byte, dtype tensor.Dtype, x float64) {
	if dtype == tensor.Float32 {
		binary.NativeEndian.PutUint32(b, math.Float32bits(float32(x)))
		return
	}
	binary.NativeEndian.PutUint64(b, math.Float64bits(x))
}

// train takes steps first to last, on data that depend on the step alone.
func (n *net) train(t testing.TB, s gorgonia.Solver, first, last int) {
	t.Helper()
	for step := first; step <= last; step++ {
		r := rand.New(rand.NewPCG(3, uint64(step)))
		refill(n.x.Value(), r)
		refill(n.y.Value(), r)
		require.NoError(t, n.vm.RunAll())
		require.NoError(t, s.Step(n.order))
		n.vm.Reset()
	}
}

// weights are the bits of all parameters.
func (n *net) weights() [][]byte {
	all := make([][]byte, len(n.params))
	for i, p := range n.params {
		all[i] = bitsOf(p.Value())
	}
	return all
}

// setWeights overwrites the parameters.
func (n *net) setWeights(all [][]byte) {
	for i, p := range n.params {
		m, _ := memoryOf(p.Value())
		copy(m.raw, all[i])
	}
}

// bitsOf copies the numbers of v in row-major order, one by one through Gorgonia's own
// accessors.
func bitsOf(v gorgonia.Value) []byte {
	var b []byte
	one := func(x any) {
		switch x := x.(type) {
		case float32:
			b = binary.NativeEndian.AppendUint32(b, math.Float32bits(x))
		case float64:
			b = binary.NativeEndian.AppendUint64(b, math.Float64bits(x))
		default:
			panic(fmt.Sprintf("%T", x))
		}
	}
	d, ok := v.(*tensor.Dense)
	if !ok || d.Dims() == 0 {
		one(v.Data())
		return b
	}
	at := make([]int, d.Dims())
	for range d.Shape().TotalSize() {
		x, err := d.At(at...)
		if err != nil {
			panic(err)
		}
		one(x)
		for k := len(at) - 1; k >= 0; k-- {
			if at[k]++; at[k] < d.Shape()[k] {
				break
			}
			at[k] = 0
		}
	}
	return b
}

// bits are the slots of a state as bytes.
func bits(slots []map[string]gorgonia.Value) []map[string][]byte {
	all := make([]map[string][]byte, len(slots))
	for i, s := range slots {
		for name, v := range s {
			if all[i] == nil {
				all[i] = map[string][]byte{}
			}
			all[i][name] = bitsOf(v)
		}
	}
	return all
}

// copyOf is a copy of st that shares nothing with it; tensors become row-major.
func copyOf(st *State) *State {
	c := &State{st.Kind, maps.Clone(st.Settings), maps.Clone(st.Numbers), make([]map[string]gorgonia.Value, len(st.Slots)), false}
	for i, s := range st.Slots {
		for name, v := range s {
			c.put(i, name, valueOf(v.Dtype(), v.Shape(), bitsOf(v)))
		}
	}
	return c
}

func (st *State) put(i int, name string, v gorgonia.Value) {
	if st.Slots[i] == nil {
		st.Slots[i] = map[string]gorgonia.Value{}
	}
	st.Slots[i][name] = v
}

// valueOf makes a value from its numbers.
func valueOf(dtype tensor.Dtype, shape []int, raw []byte) gorgonia.Value {
	var v gorgonia.Value
	switch {
	case len(shape) > 0:
		v = tensor.New(tensor.Of(dtype), tensor.WithShape(slices.Clone(shape)...))
	case dtype == tensor.Float32:
		v = gorgonia.NewF32(0)
	default:
		v = gorgonia.NewF64(0)
	}
	m, _ := memoryOf(v)
	copy(m.raw, raw)
	return v
}

// read reads a state and copies it.
func read(t testing.TB, s gorgonia.Solver, order []gorgonia.ValueGrad) *State {
	t.Helper()
	st, err := Read(s, order)
	require.NoError(t, err)
	return copyOf(st)
}

// write writes a state.
func write(t testing.TB, s gorgonia.Solver, order []gorgonia.ValueGrad, st *State) {
	t.Helper()
	set, err := Prepare(s, order, st)
	require.NoError(t, err)
	set()
}

// A training is one solver on one kind of net.
type training struct {
	name   string
	dtype  tensor.Dtype
	scalar bool
	make   func() gorgonia.Solver
}

// trainings are those that Gorgonia can do: AdamW and Barzilai-Borwein take no scalar
// parameters, and the latter no float32.
func trainings() []training {
	var all []training
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, scalar := range []bool{false, true} {
			for _, name := range slices.Sorted(maps.Keys(makers)) {
				tensorsOnly := name == "adamw" || name == "barzilai-borwein"
				if scalar && tensorsOnly || dtype == tensor.Float32 && name == "barzilai-borwein" {
					continue
				}
				all = append(all, training{name, dtype, scalar, makers[name]})
			}
		}
	}
	return all
}

func (c training) String() string {
	return fmt.Sprintf("%s/%v/scalar=%v", c.name, c.dtype, c.scalar)
}

// makers make solvers with as many options as each obeys.
var makers = map[string]func() gorgonia.Solver{
	"vanilla": func() gorgonia.Solver {
		return gorgonia.NewVanillaSolver(gorgonia.WithLearnRate(0.05), gorgonia.WithL2Reg(0.01), gorgonia.WithClip(0.5))
	},
	"momentum": func() gorgonia.Solver {
		return gorgonia.NewMomentum(gorgonia.WithLearnRate(0.05), gorgonia.WithClip(0.5), gorgonia.WithBatchSize(2))
	},
	"rmsprop": func() gorgonia.Solver {
		return gorgonia.NewRMSPropSolver(gorgonia.WithLearnRate(0.01), gorgonia.WithRho(0.9), gorgonia.WithL2Reg(0.001))
	},
	"adagrad": func() gorgonia.Solver { return gorgonia.NewAdaGradSolver() },
	"adam": func() gorgonia.Solver {
		return gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.01), gorgonia.WithL1Reg(0.001), gorgonia.WithL2Reg(0.01),
			gorgonia.WithClip(0.5), gorgonia.WithBatchSize(2))
	},
	"adamw": func() gorgonia.Solver { return gorgonia.NewAdamW(gorgonia.WithLearnRate(0.01)) },
	"barzilai-borwein": func() gorgonia.Solver {
		return gorgonia.NewBarzilaiBorweinSolver(gorgonia.WithLearnRate(0.01), gorgonia.WithClip(0.3))
	},
}
