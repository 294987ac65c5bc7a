package optim

// This file is clipping.

import (
	"fmt"
	"math"
	"strings"

	"github.com/fb777929/kibisis/nn/internal/kernel"
	"github.com/fb777929/kibisis/nn/internal/workers"
)

// clipping is how all gradients are clipped: by value first, then by the norm of what that leaves.
type clipping struct{ value, norm float64 } // 0 for not at all

// normEpsilon is added to the norm that gradients are divided by, as in
// torch.nn.utils.clip_grad_norm_.
const normEpsilon = 1e-6

func (c clipping) check() error {
	if !(c.value >= 0) {
		return fmt.Errorf("ClipValue %g: want 0 or more", c.value)
	}
	if !(c.norm >= 0) {
		return fmt.Errorf("ClipNorm %g: want 0 or more", c.norm)
	}
	return nil
}

// limit is the largest value of a gradient.
func (c clipping) limit() float64 {
	if c.value == 0 {
		return math.Inf(1)
	}
	return c.value
}

// scale is what gradients are multiplied by, so that their norm is at most ClipNorm.
func (s *Solver) scale() (float64, error) {
	if s.clip.norm == 0 {
		return 1, nil
	}
	limit := s.clip.limit()
	workers.Run(len(s.params.blocks), func(i int) {
		b := s.params.blocks[i]
		if p := s.params.list[b.param]; p.f32 != nil {
			s.sums[i] = kernel.SumSquaresClipped(p.f32.g[b.begin:b.end], float32(limit))
		} else {
			s.sums[i] = kernel.SumSquaresClipped(p.f64.g[b.begin:b.end], limit)
		}
	})
	sum := 0.0
	for _, x := range s.sums {
		sum += x
	}
	norm := math.Sqrt(sum)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return 0, fmt.Errorf("the norm of the gradients is %g, because of %s", norm, s.notFinite())
	}
	s.norm = norm
	return min(1, s.clip.norm/(norm+normEpsilon)), nil
}

// notFinite names the parameters whose gradients have a norm that is not finite.
func (s *Solver) notFinite() string {
	var names []string
	last := -1
	for i, b := range s.params.blocks {
		if x := s.sums[i]; b.param != last && (math.IsNaN(x) || math.IsInf(x, 0)) {
			names = append(names, fmt.Sprintf("%q", s.params.list[b.param].name))
			last = b.param
		}
	}
	if names == nil {
		return "all of them together"
	}
	return strings.Join(names, ", ")
}
