package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// convShapes reach what makes a difference to how a convolution is cut: several tiles of one image, several
// images of one product, the last of them fewer, many groups, and blocks of channels.
var convShapes = []Conv{
	{N: 2, C: 80, H: 17, W: 19, Out: 3, Groups: 1, Window: [2]int{3, 3}, Stride: [2]int{1, 1}, Padding: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{N: 1, C: 64, H: 33, W: 39, Out: 2, Groups: 1, Window: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{N: 35, C: 3, H: 4, W: 5, Out: 5, Groups: 1, Window: [2]int{3, 3}, Stride: [2]int{1, 1}, Padding: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{N: 33, C: 4, H: 7, W: 5, Out: 6, Groups: 2, Window: [2]int{3, 2}, Stride: [2]int{2, 3}, Padding: [2]int{2, 1}, Dilation: [2]int{2, 2}},
	{N: 2, C: 1, H: 1, W: 17000, Out: 2, Groups: 1, Window: [2]int{1, 9}, Stride: [2]int{1, 1}, Padding: [2]int{0, 4}, Dilation: [2]int{1, 1}},
	{N: 1, C: 70, H: 1, W: 3001, Out: 2, Groups: 1, Window: [2]int{1, 8}, Stride: [2]int{3, 3}, Padding: [2]int{0, 2}, Dilation: [2]int{1, 5}},
	{N: 3, C: 150, H: 33, W: 32, Out: 3, Groups: 1, Window: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{N: 40, C: 6, H: 3, W: 3, Out: 4, Groups: 2, Window: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{N: 1, C: 130, H: 14, W: 15, Out: 130, Groups: 130, Window: [2]int{3, 3}, Stride: [2]int{1, 1}, Padding: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{N: 33, C: 6, H: 5, W: 4, Out: 3, Groups: 3, Window: [2]int{2, 3}, Stride: [2]int{1, 2}, Padding: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{N: 3, C: 3, H: 5, W: 4, Out: 1, Groups: 1, Window: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{N: 2, C: 3, H: 5, W: 4, Out: 2, Groups: 1, Window: [2]int{1, 1}, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}},
	{N: 2, C: 3, H: 5, W: 4, Out: 2, Groups: 1, Window: [2]int{1, 1}, Stride: [2]int{1, 1}, Padding: [2]int{2, 1}, Dilation: [2]int{1, 1}},
	{N: 2, C: 2, H: 3, W: 7, Out: 2, Groups: 1, Window: [2]int{3, 3}, Stride: [2]int{1, 1}, Padding: [2]int{0, 0}, Dilation: [2]int{1, 1}},
	{N: 2, C: 2, H: 2, W: 3, Out: 2, Groups: 1, Window: [2]int{1, 1}, Stride: [2]int{4, 5}, Padding: [2]int{0, 3}, Dilation: [2]int{1, 1}},
}

// convData is random operands, and the results that the definition gives of them.
type convData struct{ x, w, bias, dy, y, dx, dw, dbias []float64 }

// convReference visits every number that every window sees.
func convReference(k Conv) convData {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	rows, cols := k.Size()
	in, out := k.C/k.Groups, k.Out/k.Groups
	size, weights := k.N*k.Out*rows*cols, k.Out*in*k.Window[0]*k.Window[1]
	d := convData{
		x: random(k.N * k.C * k.H * k.W), w: random(weights), bias: random(k.Out), dy: random(size),
		y: make([]float64, size), dx: make([]float64, k.N*k.C*k.H*k.W), dw: make([]float64, weights), dbias: make([]float64, k.Out),
	}
	for at := range size {
		image, o, r, c := at/(cols*rows*k.Out), at/(cols*rows)%k.Out, at/cols%rows, at%cols
		d.y[at] = d.bias[o]
		d.dbias[o] += d.dy[at]
		for seen := range in * k.Window[0] * k.Window[1] {
			channel, i, j := seen/(k.Window[0]*k.Window[1]), seen/k.Window[1]%k.Window[0], seen%k.Window[1]
			y, x := r*k.Stride[0]+i*k.Dilation[0]-k.Padding[0], c*k.Stride[1]+j*k.Dilation[1]-k.Padding[1]
			if y < 0 || y >= k.H || x < 0 || x >= k.W {
				continue
			}
			from := ((image*k.C+o/out*in+channel)*k.H+y)*k.W + x
			weight := o*in*k.Window[0]*k.Window[1] + seen
			d.y[at] += d.w[weight] * d.x[from]
			d.dx[from] += d.w[weight] * d.dy[at]
			d.dw[weight] += d.x[from] * d.dy[at]
		}
	}
	return d
}

func TestConvolution(t *testing.T) {
	for _, k := range convShapes {
		t.Run(fmt.Sprintf("%+v", k), func(t *testing.T) {
			want := convReference(k)
			c := NewConvolution[float64](k)
			for range 2 { // the second has the first's memory
				got := convRun(c, want)
				for name, pair := range map[string][2][]float64{
					"y": {want.y, got.y}, "dx": {want.dx, got.dx}, "dw": {want.dw, got.dw}, "dbias": {want.dbias, got.dbias},
				} {
					most := 0.0
					for i, x := range pair[0] {
						most = max(most, math.Abs(x-pair[1][i]))
					}
					require.Less(t, most, 1e-9, name)
				}
			}
			before := runtime.GOMAXPROCS(1)
			one := convRun(c, want)
			runtime.GOMAXPROCS(7)
			require.Equal(t, one, convRun(c, want), "bits depend on the number of cores")
			runtime.GOMAXPROCS(before)
			// The bias is added, or not.
			bare := poisoned(want.y)
			c.Forward(bare, want.x, want.w, nil)
			rows, cols := k.Size()
			for i := range bare {
				bare[i] += want.bias[i/(rows*cols)%k.Out]
			}
			require.InDeltaSlice(t, want.y, bare, 1e-9)
			// Gradients by themselves are those that come together.
			dx, dw := poisoned(want.dx), poisoned(want.dw)
			c.Backward(dx, nil, nil, want.x, want.w, want.dy)
			c.Backward(nil, dw, nil, want.x, want.w, want.dy)
			require.Equal(t, one.dx, dx)
			require.Equal(t, one.dw, dw)
		})
	}
}

// convRun computes all results into memory that holds something else.
func convRun(c *Convolution[float64], d convData) convData {
	got := convData{y: poisoned(d.y), dx: poisoned(d.dx), dw: poisoned(d.dw), dbias: poisoned(d.dbias)}
	c.Forward(got.y, d.x, d.w, d.bias)
	c.Backward(got.dx, got.dw, got.dbias, d.x, d.w, d.dy)
	return got
}

func poisoned(like []float64) []float64 {
	x := make([]float64, len(like))
	for i := range x {
		x[i] = 1e9
	}
	return x
}

// The shapes above are cut into tiles and into sets of images, or the test says nothing of either.
func TestConvShapesAreCut(t *testing.T) {
	tiles, images, ragged := 0, 0, 0
	for _, k := range convShapes {
		c := NewConvolution[float64](k)
		if c.tile < c.flat {
			tiles++
		}
		if c.images > 1 {
			images++
			if k.N%c.images > 0 {
				ragged++
			}
		}
	}
	require.Greater(t, tiles, 3)
	require.Greater(t, images, 2)
	require.Positive(t, ragged)
}
