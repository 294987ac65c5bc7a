package nn

// This file is the values that parameters begin with.

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"
)

// An Init fills the first values of a tensor of that shape, in row-major order. Layouts are
// PyTorch's: outputs first, then inputs, then the window of a convolution.
type Init func(rng *rand.Rand, shape tensor.Shape, values []float64)

// Seeded gives each tensor what its Init says, from a source made of the seed and the tensor's name.
func Seeded(seed uint64) Values {
	return func(name string, dt tensor.Dtype, shape tensor.Shape, init Init) (*tensor.Dense, error) {
		h := fnv.New64a()
		io.WriteString(h, name) //nolint:errcheck // a hash takes everything
		values := make([]float64, shape.TotalSize())
		init(rand.New(rand.NewPCG(seed, h.Sum64())), shape, values)
		return fromFloats(dt, shape, values)
	}
}

func fromFloats(dt tensor.Dtype, shape tensor.Shape, values []float64) (*tensor.Dense, error) {
	d := tensor.New(tensor.Of(dt), tensor.WithShape(shape.Clone()...))
	switch data := d.Data().(type) {
	case []float64:
		copy(data, values)
	case []float32:
		for i, x := range values {
			data[i] = float32(x)
		}
	case int64: // a counter
		d.SetI64(0, int64(values[0]))
	default:
		return nil, fmt.Errorf("no first values for %v", dt)
	}
	return d, nil
}

// Zeros begins with zeros.
func Zeros(_ *rand.Rand, _ tensor.Shape, values []float64) { clear(values) }

// Ones begins with ones.
func Ones(_ *rand.Rand, _ tensor.Shape, values []float64) { fill(values, func() float64 { return 1 }) }

// Constant begins with x everywhere.
func Constant(x float64) Init {
	return func(_ *rand.Rand, _ tensor.Shape, values []float64) {
		fill(values, func() float64 { return x })
	}
}

// Uniform begins with numbers in [low, high).
func Uniform(low, high float64) Init {
	return func(rng *rand.Rand, _ tensor.Shape, values []float64) {
		fill(values, func() float64 { return low + (high-low)*rng.Float64() })
	}
}

// Normal begins with normally distributed numbers.
func Normal(mean, deviation float64) Init {
	return func(rng *rand.Rand, _ tensor.Shape, values []float64) {
		fill(values, func() float64 { return mean + deviation*rng.NormFloat64() })
	}
}

// TruncatedNormal begins with normally distributed numbers, those outside of [low, high] drawn
// again, as torch.nn.init.trunc_normal_ distributes them.
func TruncatedNormal(mean, deviation, low, high float64) Init {
	return func(rng *rand.Rand, _ tensor.Shape, values []float64) {
		fill(values, func() float64 { return truncated(rng, mean, deviation, low, high) })
	}
}

// truncated inverts the distribution function between the bounds, so that bounds far from the
// mean cost no more than others.
func truncated(rng *rand.Rand, mean, deviation, low, high float64) float64 {
	a, b := math.Erf((low-mean)/deviation/math.Sqrt2), math.Erf((high-mean)/deviation/math.Sqrt2)
	x := mean + deviation*math.Sqrt2*math.Erfinv(a+(b-a)*rng.Float64())
	return min(high, max(low, x))
}

// KaimingUniform is He et al. 2015 (arXiv 1502.01852) for a leaky ReLU of that slope:
// U(-bound, bound), bound = sqrt(6 / ((1 + slope²) fan_in)). Slope 0 is for ReLU; sqrt(5) is what
// PyTorch's Linear and convolutions begin with.
func KaimingUniform(slope float64) Init {
	return func(rng *rand.Rand, shape tensor.Shape, values []float64) {
		in, _ := fans(shape)
		bound := math.Sqrt(6 / ((1 + slope*slope) * in))
		Uniform(-bound, bound)(rng, shape, values)
	}
}

// KaimingNormal is as KaimingUniform, with a normal distribution of the same variance.
func KaimingNormal(slope float64) Init {
	return func(rng *rand.Rand, shape tensor.Shape, values []float64) {
		in, _ := fans(shape)
		Normal(0, math.Sqrt(2/((1+slope*slope)*in)))(rng, shape, values)
	}
}

// XavierUniform is Glorot and Bengio 2010: U(-bound, bound), bound = gain sqrt(6 / (fan_in + fan_out)).
func XavierUniform(gain float64) Init {
	return func(rng *rand.Rand, shape tensor.Shape, values []float64) {
		in, out := fans(shape)
		bound := gain * math.Sqrt(6/(in+out))
		Uniform(-bound, bound)(rng, shape, values)
	}
}

// XavierNormal is as XavierUniform, with a normal distribution of the same variance.
func XavierNormal(gain float64) Init {
	return func(rng *rand.Rand, shape tensor.Shape, values []float64) {
		in, out := fans(shape)
		Normal(0, gain*math.Sqrt(2/(in+out)))(rng, shape, values)
	}
}

// fanIn is U(-1/sqrt(n), 1/sqrt(n)): what PyTorch's layers of n inputs begin with.
func fanIn(n int) Init {
	bound := 1 / math.Sqrt(float64(n))
	return Uniform(-bound, bound)
}

// fans counts the inputs and outputs of one number, as torch.nn.init does.
func fans(shape tensor.Shape) (in, out float64) {
	if len(shape) < 2 {
		return float64(shape.TotalSize()), float64(shape.TotalSize())
	}
	window := 1
	for _, n := range shape[2:] {
		window *= n
	}
	return float64(shape[1] * window), float64(shape[0] * window)
}

func fill(values []float64, next func() float64) {
	for i := range values {
		values[i] = next()
	}
}
