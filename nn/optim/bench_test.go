package optim_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/nn/optim"
)

// Steps over a million elements, beside a copy of as many. The time is that of all cores.
func BenchmarkStep(b *testing.B) {
	const n = 1 << 20
	for name, make := range map[string]newSolver{
		"sgd":      of(optim.NewSGD, nil),
		"momentum": of(optim.NewSGD, &optim.SGDOptions{Momentum: 0.9}),
		"adamw":    of(optim.NewAdamW, &optim.AdamWOptions{WeightDecay: 0.01}),
		"clipped":  of(optim.NewAdamW, &optim.AdamWOptions{WeightDecay: 0.01, ClipNorm: 1}),
		"rmsprop":  of(optim.NewRMSProp, nil),
		"adagrad":  of(optim.NewAdagrad, nil),
		"lion":     of(optim.NewLion, nil),
	} {
		b.Run(fmt.Sprintf("solver=%s/elements=%d", name, n), func(b *testing.B) {
			params := asParams(float32s("w", n))
			s, err := make(params)
			require.NoError(b, err)
			for b.Loop() {
				if err := s.Step(params); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
	b.Run(fmt.Sprintf("copy/elements=%d", n), func(b *testing.B) {
		from, to := float32s("w", n), float32s("w", n)
		for b.Loop() {
			copy(to.value.Data().([]float32), from.value.Data().([]float32))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
	})
}
