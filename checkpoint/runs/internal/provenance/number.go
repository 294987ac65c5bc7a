package provenance

// This file compares numbers by their digits: those that a float64 cannot hold are
// compared exactly, and an exponent of a billion costs nothing.

import (
	"encoding/json"
	"strconv"
	"strings"
)

// A decimal is 0.digits times ten to the exponent. Equal numbers are equal decimals.
type decimal struct {
	negative bool
	digits   string // without zeros at either end
	exponent int64
}

// decimalOf reads a number of JSON. ok is false for one whose exponent is beyond
// reckoning.
func decimalOf(n json.Number) (_ decimal, ok bool) {
	text, negative := strings.CutPrefix(n.String(), "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	shifted := len(whole) - (len(whole) + len(fraction) - len(digits))
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return decimal{}, true
	}
	exponent := int64(0)
	if power != "" {
		const bits = 62 // leaves room to add
		var err error
		if exponent, err = strconv.ParseInt(power, 10, bits); err != nil {
			return decimal{}, false
		}
	}
	return decimal{negative, digits, exponent + int64(shifted)}, true
}

// equalNumbers reports whether two numbers are one: 1, 1.0 and 10e-1 are.
func equalNumbers(a, b json.Number) bool {
	x, okX := decimalOf(a)
	y, okY := decimalOf(b)
	return a == b || okX && okY && x == y
}
