package nn

// This file is how long ops take.

import (
	"time"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// Profile has report called after each run of an op of this package, with the op's name and how long
// it took. The op that computes the gradients of "linear" is "linear_grad". Ops of Gorgonia's own are
// not told of, nor are solvers.
//
// It is for the whole process, and report must be ready for several goroutines where several graphs
// run. Nil ends it. Until it is called, and after its end, nothing is measured.
func Profile(report func(op string, took time.Duration)) { op.Profile(report) }
