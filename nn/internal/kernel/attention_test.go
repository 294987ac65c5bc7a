package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// plainAttention is out and the gradients of q, k and v, for rows of heads that lie side by side,
// by loops over everything in float64. factor is what dropout multiplies a probability by.
type plainAttention struct {
	AttentionShape
	q, k, v, dout   []float64
	out, dq, dk, dv []float64
	factor          func(batch, head, query, key int) float64
}

func (a *plainAttention) run() {
	a.out, a.dq = make([]float64, len(a.dout)), make([]float64, len(a.q))
	a.dk, a.dv = make([]float64, len(a.k)), make([]float64, len(a.v))
	for b := range a.Batch {
		for h := range a.Heads {
			for i := range a.Queries {
				a.query(b, h, i)
			}
		}
	}
}

func (a *plainAttention) query(b, h, i int) {
	g := h / (a.Heads / a.KVHeads)
	keys := a.Keys
	if a.Causal {
		keys = min(keys, i+1)
	}
	q := a.q[((b*a.Queries+i)*a.Heads+h)*a.Width:][:a.Width]
	dq := a.dq[((b*a.Queries+i)*a.Heads+h)*a.Width:]
	at := ((b*a.Queries+i)*a.Heads + h) * a.ValueWidth
	key := func(j int) int { return ((b*a.Keys+j)*a.KVHeads + g) * a.Width }
	value := func(j int) int { return ((b*a.Keys+j)*a.KVHeads + g) * a.ValueWidth }
	p, sum := make([]float64, keys), 0.0
	for j := range p {
		for w, x := range q {
			p[j] += x * a.k[key(j)+w] * a.Scale
		}
		p[j] = math.Exp(p[j])
		sum += p[j]
	}
	dp, dot := make([]float64, keys), 0.0
	for j := range p {
		p[j] /= sum
		f := a.factor(b, h, i, j)
		for w := range a.ValueWidth {
			a.out[at+w] += p[j] * f * a.v[value(j)+w]
			a.dv[value(j)+w] += p[j] * f * a.dout[at+w]
			dp[j] += f * a.dout[at+w] * a.v[value(j)+w]
		}
		dot += p[j] * dp[j]
	}
	for j := range p {
		ds := p[j] * (dp[j] - dot) * a.Scale
		for w, x := range q {
			dq[w] += ds * a.k[key(j)+w]
			a.dk[key(j)+w] += ds * x
		}
	}
}

// TestAttentionIsWhatItSays compares with plain loops: several blocks of rows, grouped heads, causal
// or not, with dropout or not, kept probabilities or not, in tensors of their own and in sections
// of one. float32 may differ by 1e-5 of the largest number, float64 by 1e-12.
func TestAttentionIsWhatItSays(t *testing.T) {
	shapes := map[string]AttentionShape{
		"one":     {Batch: 1, Queries: 1, Keys: 1, Heads: 1, KVHeads: 1, Width: 1, ValueWidth: 1},
		"odd":     {Batch: 2, Queries: 5, Keys: 7, Heads: 3, KVHeads: 1, Width: 3, ValueWidth: 5},
		"grouped": {Batch: 2, Queries: 9, Keys: 9, Heads: 4, KVHeads: 2, Width: 8, ValueWidth: 8},
		"blocks":  {Batch: 1, Queries: 83, Keys: 2050, Heads: 2, KVHeads: 1, Width: 3, ValueWidth: 2},
		"tall":    {Batch: 1, Queries: 40, Keys: 30, Heads: 2, KVHeads: 2, Width: 3, ValueWidth: 2},
	}
	for name, s := range shapes {
		s.Scale = 0.6
		for _, s.Causal = range []bool{false, true} {
			for _, s.Dropout = range []float64{0, 0.3, 1} {
				testAttention[float32](t, s, name, 1e-5)
				testAttention[float64](t, s, name, 1e-12)
			}
		}
	}
}

func testAttention[T Float](t *testing.T, s AttentionShape, name string, tolerance float64) {
	const seed = 99
	rng := rand.New(rand.NewPCG(1, 2))
	normal := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	want := plainAttention{
		AttentionShape: s,
		q:              normal(s.Batch * s.Queries * s.Heads * s.Width),
		k:              normal(s.Batch * s.Keys * s.KVHeads * s.Width),
		v:              normal(s.Batch * s.Keys * s.KVHeads * s.ValueWidth),
		dout:           normal(s.Batch * s.Queries * s.Heads * s.ValueWidth),
	}
	ones := make([]float64, s.Batch*s.Heads*s.Queries*s.Keys)
	for i := range ones {
		ones[i] = 1
	}
	Dropout(ones, ones, seed, s.Dropout)
	want.factor = func(b, h, i, j int) float64 { return ones[((b*s.Heads+h)*s.Queries+i)*s.Keys+j] }
	want.run()

	// Keys and values are sections of one tensor, behind one column and before another.
	kWidth, vWidth := s.KVHeads*s.Width, s.KVHeads*s.ValueWidth
	stride := kWidth + vWidth + 2
	s.Q = Section{Stride: s.Heads * s.Width}
	s.K, s.V = Section{stride, 1}, Section{stride, 1 + kWidth}
	kv, dkv := make([]T, s.Batch*s.Keys*stride), make([]T, s.Batch*s.Keys*stride)
	for i := range s.Batch * s.Keys {
		copy(row(kv, i, stride)[1:], narrow[T](row(want.k, i, kWidth)))
		copy(row(kv, i, stride)[1+kWidth:], narrow[T](row(want.v, i, vWidth)))
	}
	in := Attended[T]{Q: narrow[T](want.q), K: kv, V: kv, Seed: seed}
	d := Attended[T]{Q: make([]T, len(want.q)), K: dkv, V: dkv}
	out, dout := make([]T, len(want.out)), narrow[T](want.dout)
	a := Attention[T]{AttentionShape: s}
	var kept []T
	for run := range 3 {
		a.Forward(out, in)
		require.Equal(t, run > 0, a.kept != nil, "probabilities are kept only where there is a Backward")
		if run > 1 {
			require.Same(t, &kept[0], &a.kept[0], "memory is taken once")
		}
		kept = a.kept
		a.Backward(d, in, dout)
		dk, dv := make([]T, 0, len(want.k)), make([]T, 0, len(want.v))
		for i := range s.Batch * s.Keys {
			dk = append(dk, row(dkv, i, stride)[1:][:kWidth]...)
			dv = append(dv, row(dkv, i, stride)[1+kWidth:][:vWidth]...)
			require.Zero(t, row(dkv, i, stride)[0], "written outside of a section")
			require.Zero(t, row(dkv, i, stride)[stride-1], "written outside of a section")
		}
		nearMost(t, want.out, out, tolerance, name)
		nearMost(t, want.dq, d.Q, tolerance, name)
		nearMost(t, want.dk, dk, tolerance, name)
		nearMost(t, want.dv, dv, tolerance, name)
	}
}

func narrow[T Float](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// nearMost wants got to differ by no more than a part of the largest number that is wanted.
func nearMost[T Float](t *testing.T, want []float64, got []T, tolerance float64, name string) {
	t.Helper()
	most := 0.0
	for _, x := range want {
		most = max(most, math.Abs(x))
	}
	for i, x := range want {
		if !(math.Abs(x-float64(got[i])) <= tolerance*most) {
			require.Failf(t, "numbers differ", "%s: at %d: got %v, want %v; the largest is %v", name, i, got[i], x, most)
		}
	}
}
