package kernel

// This file is the loss of a classifier.

import "math"

// CrossEntropy is the loss of rows of logits x (Rows, Classes) with one label a row:
// torch.nn.CrossEntropyLoss. Nothing of the size of x is kept between the directions.
//
// With p the soft-max of a row, y its label, w the weights and ε the smoothing (Szegedy et al.
// 2016, arXiv:1512.00567), the loss of the row is
//
//	-(1-ε) w[y] ln p[y] - ε/Classes Σ w[c] ln p[c]
//
// and the mean is the sum of those, divided by the sum of the w[y]. Rows with the label Ignore
// count in neither. The other labels must be in range.
type CrossEntropy[T Float] struct {
	Rows, Classes int
	Ignore        int
	Smoothing     float64
	Weight        []T // of each class, or nil
	Sum           bool

	tops   []T       // of each row, as rowTop has it
	sums   []float64 // of each row, Σ exp(x - top)
	losses []float64
	share  float64 // what each row's loss is multiplied by
}

// Forward returns the loss. It keeps three numbers a row for Backward.
func (k *CrossEntropy[T]) Forward(x []T, labels []int) T {
	if k.losses == nil {
		k.tops, k.sums, k.losses = make([]T, k.Rows), make([]float64, k.Rows), make([]float64, k.Rows)
	}
	eachRow(k.Rows, k.Classes, heavy, func(i int) {
		if k.losses[i] = 0; labels[i] != k.Ignore {
			k.losses[i] = k.row(i, row(x, i, k.Classes), labels[i])
		}
	})
	k.share = classShare(labels, k.Ignore, k.Weight, k.Sum)
	return T(sumPiece(k.losses) * k.share)
}

// row is the loss of one row.
func (k *CrossEntropy[T]) row(i int, x []T, label int) float64 {
	top := rowTop(x)
	sum := sumExp(x, top)
	k.tops[i], k.sums[i] = top, sum
	log := float64(top) + math.Log(sum)
	loss := (1 - k.Smoothing) * classWeight(k.Weight, label) * (log - float64(x[label]))
	if k.Smoothing == 0 {
		return loss
	}
	return loss + k.Smoothing/float64(k.Classes)*k.uniform(x, log)
}

// uniform is Σ w[c] (log - x[c]).
func (k *CrossEntropy[T]) uniform(x []T, log float64) float64 {
	if k.Weight == nil {
		return float64(k.Classes)*log - sumPiece(x)
	}
	return sumPiece(k.Weight)*log - dotPiece(k.Weight, x)
}

// Backward writes what Forward passes back of the gradient dy of the loss to dx. The rows that
// are ignored get zeros, even if all are, and the mean is NaN.
func (k *CrossEntropy[T]) Backward(dx, x []T, labels []int, dy T) {
	spread := k.Smoothing / float64(k.Classes)
	total := float64(k.Classes)
	if k.Weight != nil {
		total = sumPiece(k.Weight)
	}
	scale := k.share * float64(dy)
	eachRow(k.Rows, k.Classes, heavy, func(i int) {
		dx, label := row(dx, i, k.Classes), labels[i]
		if label == k.Ignore {
			clear(dx)
			return
		}
		at := (1 - k.Smoothing) * classWeight(k.Weight, label)
		expSum(dx, row(x, i, k.Classes), k.tops[i])
		scaleRow(dx, dx, T(scale*(at+spread*total)/k.sums[i]))
		switch {
		case spread == 0:
		case k.Weight == nil:
			shiftPlain(dx, T(-scale*spread))
		default:
			axpyRow(dx, T(-scale*spread), k.Weight)
		}
		dx[label] -= T(scale * at)
	})
}

// NLL is the loss of rows of logarithms of probabilities (Rows, Classes) with one label a row,
// -w[y] x[y], and its mean as CrossEntropy has it: torch.nn.NLLLoss.
type NLL[T Float] struct {
	Rows, Classes int
	Ignore        int
	Weight        []T // of each class, or nil
	Sum           bool

	share float64
}

// Forward returns the loss.
func (k *NLL[T]) Forward(x []T, labels []int) T {
	sum := 0.0
	for i, label := range labels {
		if label != k.Ignore {
			sum -= classWeight(k.Weight, label) * float64(x[i*k.Classes+label])
		}
	}
	k.share = classShare(labels, k.Ignore, k.Weight, k.Sum)
	return T(sum * k.share)
}

// Backward writes what Forward passes back of the gradient dy of the loss to dx.
func (k *NLL[T]) Backward(dx []T, labels []int, dy T) {
	clear(dx)
	for i, label := range labels {
		if label != k.Ignore {
			dx[i*k.Classes+label] = T(-classWeight(k.Weight, label) * k.share * float64(dy))
		}
	}
}

func classWeight[T Float](weight []T, label int) float64 {
	if weight == nil {
		return 1
	}
	return float64(weight[label])
}

// classShare is what the losses of rows are multiplied by: 1 for the sum, and for the mean 1 by
// the sum of their weights, which is +Inf if all are ignored.
func classShare[T Float](labels []int, ignore int, weight []T, sum bool) float64 {
	if sum {
		return 1
	}
	total := 0.0
	for _, label := range labels {
		if label != ignore {
			total += classWeight(weight, label)
		}
	}
	return 1 / total
}

func shiftPlain[T Float](y []T, c T) {
	for i := range y {
		y[i] += c
	}
}
