package main

// This file is a learning rate that remembers: it is halved when the loss stays where
// it was. What it remembers is part of the state of the training.

import "math"

const (
	// window is the number of steps whose mean loss is compared with the best one.
	window = 50
	// enough is how much lower a mean must be to count as better.
	enough = 0.97
)

// A schedule is saved as it is.
type schedule struct {
	Rate float64 `json:"rate"`
	Best float64 `json:"best"` // the lowest mean
	Sum  float64 `json:"sum"`  // of the losses since the last comparison
	Seen int     `json:"seen"` // how many they are
}

func newSchedule(rate float64) *schedule {
	return &schedule{Rate: rate, Best: math.MaxFloat64}
}

// heed takes the loss of a step.
func (s *schedule) heed(loss float64) {
	s.Sum += loss
	if s.Seen++; s.Seen < window {
		return
	}
	mean := s.Sum / window
	if mean > enough*s.Best {
		s.Rate /= 2
	}
	s.Best, s.Sum, s.Seen = min(s.Best, mean), 0, 0
}
