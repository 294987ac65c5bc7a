// Package jsonfloat writes numbers that JSON has no spelling for: NaN and the two
// infinities become strings. Everything else is as encoding/json has it.
package jsonfloat

// This file is one number.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// The spellings are part of what is on disk: they never change.
const (
	nan      = "NaN"
	positive = "Infinity"
	negative = "-Infinity"
)

// A Float is a number in JSON that may be NaN or infinite: then it is the string
// "NaN", "Infinity" or "-Infinity". Every other float64 comes back bit for bit, the
// negative zero too; of a NaN comes back that it is one.
type Float float64

// MarshalJSON never fails.
func (f Float) MarshalJSON() ([]byte, error) {
	if text := spelling(float64(f)); text != "" {
		return json.Marshal(text)
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON takes what MarshalJSON writes, and any other JSON number in the
// range of a float64. Null is an error: no number is not zero.
func (f *Float) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case float64:
		*f = Float(v)
		return nil
	case string:
		if special, ok := specials[v]; ok {
			*f = Float(special)
			return nil
		}
	}
	const most = 40
	return fmt.Errorf("no number: %.*s, want one, or %q, %q or %q", most, bytes.ToValidUTF8(data, nil), nan, positive, negative)
}

var specials = map[string]float64{nan: math.NaN(), positive: math.Inf(1), negative: math.Inf(-1)}

// spelling is the string for a number that JSON has none for, else "".
func spelling(f float64) string {
	switch {
	case math.IsNaN(f):
		return nan
	case math.IsInf(f, 1):
		return positive
	case math.IsInf(f, -1):
		return negative
	}
	return ""
}
