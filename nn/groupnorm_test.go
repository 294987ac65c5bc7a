package nn

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func groupNorm(groups, channels int, o *NormOptions) build {
	return layer(func(s *Scope) *GroupNorm { return NewGroupNorm(s, groups, channels, o) })
}

// groupNorms are the cases of testdata/gen/groupnorm.py.
var groupNorms = map[string]struct {
	shape tensor.Shape
	model build
}{
	"images":    {tensor.Shape{3, 6, 4, 5}, groupNorm(2, 6, nil)},
	"one_group": {tensor.Shape{2, 4, 3, 3}, groupNorm(1, 4, nil)},
	"channels":  {tensor.Shape{1, 4, 5, 3}, groupNorm(4, 4, nil)},
	"lines":     {tensor.Shape{2, 9, 7}, groupNorm(3, 9, nil)},
	"rows":      {tensor.Shape{5, 8}, groupNorm(2, 8, nil)},
	"plain":     {tensor.Shape{2, 4, 3, 2}, groupNorm(2, 4, &NormOptions{NoAffine: true})},
	"eps":       {tensor.Shape{2, 4, 3, 2}, groupNorm(2, 4, &NormOptions{Eps: 1e-2})},
	"far":       {tensor.Shape{2, 4, 6, 6}, groupNorm(2, 4, nil)},
}

func TestGroupNormIsPyTorchs(t *testing.T) {
	for name, c := range groupNorms {
		parity(t, "groupnorm", name, true, c.model)
	}
}

func TestGradientsOfGroupNorm(t *testing.T) {
	for name, c := range groupNorms {
		gradients(t, trial{name: name, shapes: map[string]tensor.Shape{"x": c.shape}, model: c.model})
	}
	gradients(t, trial{name: "no_bias", shapes: map[string]tensor.Shape{"x": {2, 4, 3}}, model: groupNorm(2, 4, &NormOptions{NoBias: true})})
}

func TestGroupNormRefuses(t *testing.T) {
	require.ErrorContains(t, refusal(tensor.Shape{1, 6, 4}, groupNorm(4, 6, nil)), "6 channels do not make 4 groups")
	require.ErrorContains(t, refusal(tensor.Shape{1, 6, 4}, groupNorm(0, 6, nil)), "6 channels do not make 0 groups")
	require.ErrorContains(t, refusal(tensor.Shape{1, 4, 4}, groupNorm(2, 6, nil)), "want (4)")
	require.ErrorContains(t, refusal(tensor.Shape{4}, groupNorm(2, 4, nil)), "want (N, C, ...)")
}
