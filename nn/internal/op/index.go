package op

// This file is checks of indices and labels, at run time.

import (
	"fmt"
	"strconv"
	"strings"

	"gorgonia.org/tensor"
)

// inRange wants every index of a tensor of that shape to be from 0 to limit-1, or also.
func inRange(what string, index []int, shape tensor.Shape, limit, also int) error {
	for i, x := range index {
		if (x < 0 || x >= limit) && x != also {
			return fmt.Errorf("%s %d at %s is out of range: want 0 to %d", what, x, place(i, shape), limit-1)
		}
	}
	return nil
}

// place is the coordinates of element i of a row-major tensor: (1, 0, 3).
func place(i int, shape tensor.Shape) string {
	at := make([]string, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		at[axis] = strconv.Itoa(i % shape[axis])
		i /= shape[axis]
	}
	return "(" + strings.Join(at, ", ") + ")"
}
