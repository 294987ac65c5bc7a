package main

// This file is writing, a letter after the other.

import (
	"math"
	"math/rand/v2"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn"
)

// temperature is below 1 for safer letters.
const temperature = 0.8

// writer has a graph of its own over the weights: one row, and no dropout.
type writer struct {
	book    *book
	seed    uint64
	machine *nn.Machine
	letters []int
	logits  *gorgonia.Node
}

func newWriter(net *gpt, b *book, seed uint64) (*writer, error) {
	g := nn.EvalGraph()
	letters := g.Input("letters", tensor.Int, 1, moments)
	w := &writer{book: b, seed: seed, logits: net.Forward(g, letters)}
	var err error
	if w.machine, err = g.Machine(); err != nil {
		return nil, err
	}
	w.letters = letters.Value().Data().([]int)
	return w, nil
}

// write begins with "The " and goes on for n letters. It is the same for equal weights.
func (w *writer) write(n int) (string, error) {
	rng := rand.New(rand.NewPCG(w.seed, 2))
	text := w.book.encode("The ")
	for range n {
		seen := text[max(0, len(text)-moments):]
		copy(w.letters, seen) // what is behind them is not looked at
		if err := w.machine.Run(); err != nil {
			return "", err
		}
		kinds := len(w.book.alphabet)
		logits := w.logits.Value().Data().([]float32)[(len(seen)-1)*kinds:][:kinds]
		text = append(text, choose(logits, rng.Float64()))
	}
	var s strings.Builder
	for _, i := range text {
		s.WriteRune(w.book.alphabet[i])
	}
	return s.String(), nil
}

// choose draws from the distribution of logits; u is from 0 to 1.
func choose(logits []float32, u float64) int {
	most := math.Inf(-1)
	for _, x := range logits {
		most = max(most, float64(x))
	}
	weights, total := make([]float64, len(logits)), 0.0
	for i, x := range logits {
		weights[i] = math.Exp((float64(x) - most) / temperature)
		total += weights[i]
	}
	for i, w := range weights {
		if u -= w / total; u < 0 {
			return i
		}
	}
	return len(logits) - 1
}
