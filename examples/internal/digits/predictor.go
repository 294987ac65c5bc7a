package digits

// This file asks a network for predictions.

import (
	"math"
	"slices"

	"github.com/fb777929/kibisis/examples/internal/mnist"
	G "gorgonia.org/gorgonia"
)

// Predictor is a network of a fixed number of rows that is ready to run. It serves
// one goroutine.
type Predictor struct {
	*Network
	rows   int
	scores G.Value // [rows, 10], of the last run
	vm     G.VM
}

// NewPredictor makes a predictor of so many images at a time.
func NewPredictor(rows int, from Source) *Predictor {
	p := &Predictor{Network: newNetwork(rows, from, nil), rows: rows}
	G.Read(p.logits, &p.scores)
	p.vm = G.NewTapeMachine(p.graph)
	return p
}

// each calls f with the scores of each image; their number must be a multiple of p.rows.
func (p *Predictor) each(images []float32, f func(scores []float32)) error {
	for some := range slices.Chunk(images, p.rows*mnist.Pixels) {
		copy(p.input.Data().([]float32), some)
		if err := p.vm.RunAll(); err != nil {
			return err
		}
		p.vm.Reset()
		for scores := range slices.Chunk(p.scores.Data().([]float32), mnist.Classes) {
			f(scores)
		}
	}
	return nil
}

// Predict returns the likeliest digit of each image.
func (p *Predictor) Predict(images []float32) (digits []uint8, err error) {
	err = p.each(images, func(scores []float32) { digits = append(digits, argmax(scores)) })
	return digits, err
}

// Accuracy is the share of images that p gets right, 0 to 1.
func (p *Predictor) Accuracy(data mnist.Set) (float64, error) {
	digits, err := p.Predict(data.Images)
	if err != nil {
		return 0, err
	}
	return float64(CountEqual(digits, data.Labels)) / float64(data.Len()), nil
}

// Loss is the mean cross entropy.
func (p *Predictor) Loss(data mnist.Set) (loss float64, err error) {
	row := 0
	err = p.each(data.Images, func(scores []float32) {
		loss += crossEntropy(scores, data.Labels[row])
		row++
	})
	return loss / float64(data.Len()), err
}

// crossEntropy is -log p(label). The largest score is taken out of the
// exponents, which would overflow else.
func crossEntropy(scores []float32, label uint8) float64 {
	largest, sum := float64(slices.Max(scores)), 0.0
	for _, s := range scores {
		sum += math.Exp(float64(s) - largest)
	}
	return largest + math.Log(sum) - float64(scores[label])
}

// CountEqual counts the places at which a and b, of one length, agree.
func CountEqual(a, b []uint8) (n int) {
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}

// argmax is the index of the largest value, and 0 where one is not a number.
func argmax(v []float32) uint8 { return uint8(max(0, slices.Index(v, slices.Max(v)))) }
