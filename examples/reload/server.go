package main

// This file is the HTTP side: predictions, and a page that says what is served.

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/fb777929/kibisis/examples/internal/mnist"
)

// An answer is what a prediction comes to, as JSON.
type answer struct {
	Digit      uint8  `json:"digit"`
	Checkpoint string `json:"checkpoint"`
}

// handler serves
//
//	POST /predict    the 784 bytes of an image, 255 for ink; the answer is JSON
//	GET  /status     what is served, and how many have asked
func handler(m *model, t *tally) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", func(w http.ResponseWriter, r *http.Request) {
		if m.served.Load() == nil {
			http.Error(w, "there is no checkpoint yet", http.StatusServiceUnavailable)
			return
		}
		pixels, err := readImage(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		digit, from, err := m.predict(pixels)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		writeJSON(w, answer{digit, from.From})
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, t.status()) })
	return mux
}

// readImage reads one image, and refuses anything longer or shorter.
func readImage(body io.Reader) ([]float32, error) {
	b, err := io.ReadAll(io.LimitReader(body, mnist.Pixels+1))
	if err != nil {
		return nil, err
	}
	if len(b) != mnist.Pixels {
		return nil, errors.New("want an image of 784 bytes")
	}
	pixels := make([]float32, len(b))
	for i, ink := range b {
		pixels[i] = float32(ink) / 255
	}
	return pixels, nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that has gone is no concern of ours
}
