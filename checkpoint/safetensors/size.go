package safetensors

// This file reads sizes as people write them.

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// sizeUnits are decimal, as everywhere on the hub.
var sizeUnits = map[string]float64{"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}

// ParseSize reads a size such as "5GB", in bytes: a number, which may have a fraction, and
// TB, GB, MB or KB, in either case, with or without spaces. They are decimal ("1.5kb" is
// 1500), as in huggingface_hub, and parts of a byte are cut off. Anything else is an error,
// also a size without a unit, one under a byte and one past the largest int64.
func ParseSize(text string) (int64, error) {
	s := strings.TrimSpace(text)
	digits := max(0, len(s)-2)
	unit, ok := sizeUnits[strings.ToUpper(s[digits:])]
	number := strings.TrimSpace(s[:digits])
	if !ok || strings.Trim(number, "0123456789.eE+-") != "" {
		return 0, sizeError(text)
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, sizeError(text)
	}
	n *= unit
	if n < 1 || n >= math.MaxInt64 {
		return 0, fmt.Errorf("safetensors: size %q is %g bytes, must be from 1 to 2^63-1", text, math.Trunc(n))
	}
	return int64(n), nil
}

func sizeError(text string) error {
	return fmt.Errorf(`safetensors: size %q: want a number and TB, GB, MB or KB, such as "5GB" or "1.5 kb"`, text)
}
