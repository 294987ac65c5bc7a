package nn

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func pooling(l Layer) build { return layer(func(*Scope) Layer { return l }) }

// poolings are the cases of testdata/gen/pool.py.
var poolings = map[string]struct {
	shape tensor.Shape
	layer Layer
}{
	"max2":            {tensor.Shape{2, 3, 6, 5}, MaxPool2d{Window: Square(2)}},
	"max2_equal":      {tensor.Shape{2, 3, 8, 8}, MaxPool2d{Window: Square(2)}},
	"max_beside":      {tensor.Shape{1, 2, 5, 7}, MaxPool2d{Window: Size{2, 3}}},
	"max3":            {tensor.Shape{2, 2, 7, 8}, MaxPool2d{Window: Square(3), Stride: Square(2), Padding: Square(1)}},
	"max3_equal":      {tensor.Shape{2, 2, 6, 5}, MaxPool2d{Window: Square(3), Stride: Square(1), Padding: Square(1)}},
	"max_sides":       {tensor.Shape{1, 2, 5, 9}, MaxPool2d{Window: Size{3, 2}, Stride: Size{1, 3}, Padding: Size{1, 0}}},
	"max1d":           {tensor.Shape{2, 3, 7}, MaxPool1d{Window: 2}},
	"max1d_padding":   {tensor.Shape{1, 2, 11}, MaxPool1d{Window: 4, Stride: 3, Padding: 2}},
	"avg2":            {tensor.Shape{2, 3, 6, 5}, AvgPool2d{Window: Square(2)}},
	"avg_beside":      {tensor.Shape{1, 2, 5, 7}, AvgPool2d{Window: Size{2, 3}}},
	"avg3":            {tensor.Shape{2, 2, 7, 8}, AvgPool2d{Window: Square(3), Stride: Square(2), Padding: Square(1)}},
	"avg3_exclude":    {tensor.Shape{2, 2, 7, 8}, AvgPool2d{Window: Square(3), Stride: Square(2), Padding: Square(1), ExcludePad: true}},
	"avg_sides":       {tensor.Shape{1, 2, 5, 9}, AvgPool2d{Window: Size{3, 2}, Stride: Size{1, 3}, Padding: Size{1, 0}}},
	"avg1d":           {tensor.Shape{2, 3, 10}, AvgPool1d{Window: 3}},
	"avg1d_exclude":   {tensor.Shape{1, 2, 7}, AvgPool1d{Window: 3, Stride: 2, Padding: 1, ExcludePad: true}},
	"adaptive2d":      {tensor.Shape{2, 3, 4, 5}, AdaptiveAvgPool},
	"adaptive1d":      {tensor.Shape{2, 3, 7}, AdaptiveAvgPool},
	"global_avg":      {tensor.Shape{2, 3, 4, 5}, GlobalAvgPool},
	"global_max":      {tensor.Shape{2, 3, 4, 5}, GlobalMaxPool},
	"global_max_line": {tensor.Shape{3, 1, 6}, GlobalMaxPool},
}

func TestPoolingsArePyTorchs(t *testing.T) {
	for name, c := range poolings {
		parity(t, "pool", name, true, pooling(c.layer))
	}
}

func TestGradientsOfPoolings(t *testing.T) {
	for name, c := range poolings {
		gradients(t, trial{
			name: name, shapes: map[string]tensor.Shape{"x": c.shape}, model: pooling(c.layer),
			inputs: map[string]Init{"x": distinct},
		})
	}
}

// distinct are numbers of which no two are closer than a step of float32 differences moves them.
func distinct(rng *rand.Rand, _ tensor.Shape, values []float64) {
	for i, at := range rng.Perm(len(values)) {
		values[at] = float64(i-len(values)/2) / 16
	}
}

func TestPoolingsRefuse(t *testing.T) {
	for want, c := range map[string]struct {
		shape tensor.Shape
		layer Layer
	}{
		"a window of 0":           {tensor.Shape{1, 2, 4, 4}, MaxPool2d{}},
		"a window of -1":          {tensor.Shape{1, 2, 4}, AvgPool1d{Window: -1, Stride: 1}},
		"a stride of -2":          {tensor.Shape{1, 2, 4}, MaxPool1d{Window: 2, Stride: -2}},
		"more than half":          {tensor.Shape{1, 2, 4, 4}, AvgPool2d{Window: Square(3), Padding: Square(2)}},
		"smaller than the window": {tensor.Shape{1, 2, 4, 4}, MaxPool2d{Window: Square(5)}},
		"want [4] dimensions":     {tensor.Shape{1, 2, 4}, MaxPool2d{Window: Square(2)}},
		"want [3] dimensions":     {tensor.Shape{1, 2, 4, 4}, AvgPool1d{Window: 2}},
		"want (N, C, ...)":        {tensor.Shape{4}, GlobalAvgPool},
	} {
		require.ErrorContains(t, refusal(c.shape, pooling(c.layer)), want)
	}
}
