package kernel

// This file is losses of numbers against targets of the same shape.

import (
	"math"

	"github.com/fb777929/kibisis/nn/internal/workers"
)

// SquaredError is Σ (x - target)².
func SquaredError[T Float](x, target []T) float64 {
	return sumOf(len(x), func(begin, end int) float64 {
		sum, target := 0.0, target[begin:end]
		for i, v := range x[begin:end] {
			d := float64(v) - float64(target[i])
			sum += d * d
		}
		return sum
	})
}

// SquaredErrorGrad writes 2 c (x - target) to dx and its negative to dtarget. Either may be nil.
func SquaredErrorGrad[T Float](dx, dtarget, x, target []T, c T) {
	workers.Blocks(len(x), light, func(begin, end int) {
		for i := begin; i < end; i++ {
			d := 2 * c * (x[i] - target[i])
			if dx != nil {
				dx[i] = d
			}
			if dtarget != nil {
				dtarget[i] = -d
			}
		}
	})
}

// BinaryEntropy is the sum, over logits x with p = sigmoid(x), of
//
//	-w target ln p - (1 - target) ln(1 - p)
//
// where w is positive[i mod len(positive)]: torch.nn.BCEWithLogitsLoss and its pos_weight.
func BinaryEntropy[T Float](x, target, positive []T) float64 {
	return sumOf(len(x), func(begin, end int) float64 {
		sum := 0.0
		for i := begin; i < end; i++ {
			x, t, w := float64(x[i]), float64(target[i]), float64(positive[i%len(positive)])
			sum += (1-t)*x + (1+(w-1)*t)*softplus(-x)
		}
		return sum
	})
}

// BinaryEntropyGrad writes c times the gradients of BinaryEntropy to dx and dtarget. Either may
// be nil.
func BinaryEntropyGrad[T Float](dx, dtarget, x, target, positive []T, c T) {
	workers.Blocks(len(x), heavy, func(begin, end int) {
		for i := begin; i < end; i++ {
			x, t, w, c := float64(x[i]), float64(target[i]), float64(positive[i%len(positive)]), float64(c)
			if dx != nil {
				dx[i] = T(c * ((1-t)*sigmoid[T](x) - w*t*sigmoid[T](-x)))
			}
			if dtarget != nil {
				dtarget[i] = T(c * ((w-1)*softplus(-x) - x))
			}
		}
	})
}

// softplus is ln(1 + exp(x)), which neither overflows nor loses small results.
func softplus(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}
