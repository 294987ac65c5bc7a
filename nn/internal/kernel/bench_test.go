package kernel

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkTwins times one element of a row that stays in the nearest cache, in assembly and in
// Go.
func BenchmarkTwins(b *testing.B) {
	const n = 2048
	for _, f := range allTwins() {
		from := f.sample(rand.New(rand.NewPCG(1, 2)), n)
		to := f.results(from)
		time := func(b *testing.B) {
			for b.Loop() {
				f.run(to, from)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		}
		b.Run(f.name+"/"+Assembly(), time)
		saved := fast
		fast = loops{}
		b.Run(f.name+"/go", time)
		fast = saved
	}
}

func BenchmarkDropout(b *testing.B) {
	x := make([]float32, 2048)
	for b.Loop() {
		Dropout(x, x, 1, 0.1)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/element")
}
