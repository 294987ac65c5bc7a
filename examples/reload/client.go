package main

// This file is the clients, who ask all the time and count every answer they do not get.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/fb777929/kibisis/examples/internal/mnist"
)

// clients is how many ask at once.
const clients = 4

// ask sends one image after the other until ctx ends, from when there is a model to ask.
func (s *service) ask(ctx context.Context, url string, t *tally) error {
	select {
	case <-ctx.Done():
		return nil
	case <-t.ready:
	}
	for ctx.Err() == nil {
		row := rand.IntN(s.test.Len())
		// A request that was begun is answered also when it is time to end.
		a, err := predictOver(context.WithoutCancel(ctx), url, s.test.Row(row))
		t.answered(a, err, a.Digit == s.test.Labels[row])
		time.Sleep(time.Millisecond) // leaves the processors to the training
	}
	return nil
}

// predictOver asks the server.
func predictOver(ctx context.Context, url string, pixels []float32) (a answer, err error) {
	image := make([]byte, mnist.Pixels)
	for i, ink := range pixels {
		image[i] = byte(ink*255 + 0.5)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/predict", bytes.NewReader(image))
	if err != nil {
		return a, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return a, fmt.Errorf("the server says %s", response.Status)
	}
	return a, json.NewDecoder(response.Body).Decode(&a)
}
