package kernel

// This file is sums of one row, on the calling goroutine.
//
// In Go they are taken in four lanes and in float64, so that few additions depend on each other
// and those of float32 lose nothing to speak of. In assembly pieces are taken in 32 lanes of
// float32, and added in float64.

func sumPiece[T Float](x []T) float64 {
	if single(x) != nil && fast.sum != nil {
		return inPieces(len(x), func(begin, end int) float32 { return fast.sum(single(x[begin:end]), end-begin) })
	}
	var s0, s1, s2, s3 float64
	for ; len(x) >= 4; x = x[4:] {
		s0 += float64(x[0])
		s1 += float64(x[1])
		s2 += float64(x[2])
		s3 += float64(x[3])
	}
	for _, v := range x {
		s0 += float64(v)
	}
	return (s0 + s1) + (s2 + s3)
}

func dotPiece[T Float](a, b []T) float64 {
	if single(a) != nil && fast.dot != nil {
		return inPieces(len(a), func(begin, end int) float32 {
			return fast.dot(single(a[begin:end]), single(b[begin:end]), end-begin)
		})
	}
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	for ; len(a) >= 4 && len(b) >= 4; a, b = a[4:], b[4:] {
		s0 += float64(a[0]) * float64(b[0])
		s1 += float64(a[1]) * float64(b[1])
		s2 += float64(a[2]) * float64(b[2])
		s3 += float64(a[3]) * float64(b[3])
	}
	for i, v := range a {
		s0 += float64(v) * float64(b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

func sumSquaresPiece[T Float](x []T) float64 {
	if start := single(x); start != nil && fast.squares != nil {
		return fast.squares(start, len(x))
	}
	return dotPiece(x, x)
}

// sumSquaresFrom is the sum of (x - center)**2.
func sumSquaresFrom[T Float](x []T, center T) float64 {
	if single(x) != nil && fast.squaresFrom != nil {
		return inPieces(len(x), func(begin, end int) float32 {
			return fast.squaresFrom(single(x[begin:end]), float32(center), end-begin)
		})
	}
	var s0, s1 float64
	from := float64(center)
	for ; len(x) >= 2; x = x[2:] {
		d0, d1 := float64(x[0])-from, float64(x[1])-from
		s0 += d0 * d0
		s1 += d1 * d1
	}
	for _, v := range x {
		d := float64(v) - from
		s0 += d * d
	}
	return s0 + s1
}
