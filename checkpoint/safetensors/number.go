package safetensors

// This file reads numbers: those that the format has, which are integers, and
// those of fields that it does not know, of which only the legality matters.

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
)

// uint takes a non-negative integer: digits only, no leading zero, below 2^64.
func (s *scanner) uint() (uint64, error) {
	s.peek()
	begin := s.pos
	var n uint64
	for ; s.pos < len(s.text); s.pos++ {
		d := uint64(s.text[s.pos] - '0')
		if d > 9 {
			break
		}
		if n > math.MaxUint64/10 || n == math.MaxUint64/10 && d > math.MaxUint64%10 {
			return 0, s.failAt(begin, ErrHeaderJSON, "an integer of 2^64 or more")
		}
		n = n*10 + d
	}
	if s.pos == begin {
		return 0, s.unexpected("a non-negative integer")
	}
	if s.text[begin] == '0' && s.pos > begin+1 {
		return 0, s.failAt(begin, ErrHeaderJSON, "an integer with a leading zero")
	}
	if s.pos < len(s.text) {
		if c := s.text[s.pos]; c == '.' || c|0x20 == 'e' {
			return 0, s.unexpected("an integer without fraction or exponent")
		}
	}
	return n, nil
}

// number takes a JSON number that nobody asks for. One beyond float64 is
// refused, as serde_json refuses it.
func (s *scanner) number() error {
	begin := s.pos
	s.accept("-")
	whole := s.digits()
	if len(whole) > 1 && whole[0] == '0' {
		return s.failAt(begin, ErrHeaderJSON, "a number with a leading zero")
	}
	if len(whole) == 0 {
		return s.unexpected("a value")
	}
	var fraction []byte
	if s.accept(".") {
		if fraction = s.digits(); len(fraction) == 0 {
			return s.unexpected("a digit")
		}
	}
	power, err := s.power()
	if err == nil && beyondFloat64(whole, fraction, power) {
		err = s.failAt(begin, ErrHeaderJSON, "a number beyond float64")
	}
	return err
}

// power takes the power of ten behind a number, if there is one. It is cut to
// more than any header has digits.
func (s *scanner) power() (int, error) {
	if !s.accept("eE") {
		return 0, nil
	}
	sign := 1
	if s.accept("-") {
		sign = -1
	} else {
		s.accept("+")
	}
	digits := s.digits()
	if len(digits) == 0 {
		return 0, s.unexpected("a digit")
	}
	power := 0
	for _, c := range digits {
		power = min(power*10+int(c-'0'), 2*maxHeader)
	}
	return sign * power, nil
}

// beyondFloat64 reports whether serde_json finds whole.fraction * 10^power
// infinite. It takes as many digits as fit 64 bits and multiplies once, so that
// its limit lies a little below the largest float64; here as there.
func beyondFloat64(whole, fraction []byte, power int) bool {
	var n uint64
	used := 0
	for ; used < len(whole) && appendDigit(&n, whole[used]); used++ {
	}
	power += len(whole) - used
	for used = 0; used < len(fraction) && appendDigit(&n, fraction[used]); used++ {
	}
	power -= used
	if n == 0 || power <= 0 {
		return false
	}
	scale, err := strconv.ParseFloat("1e"+strconv.Itoa(power), 64)
	return err != nil || math.IsInf(float64(n)*scale, 0)
}

// appendDigit appends a decimal digit to n, if the result fits.
func appendDigit(n *uint64, c byte) bool {
	hi, lo := bits.Mul64(*n, 10)
	sum, carry := bits.Add64(lo, uint64(c-'0'), 0)
	if hi != 0 || carry != 0 {
		return false
	}
	*n = sum
	return true
}

// accept takes one byte if it is in set.
func (s *scanner) accept(set string) bool {
	if s.pos < len(s.text) && bytes.IndexByte([]byte(set), s.text[s.pos]) >= 0 {
		s.pos++
		return true
	}
	return false
}

// digits takes decimal digits.
func (s *scanner) digits() []byte {
	begin := s.pos
	for s.pos < len(s.text) && s.text[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.text[begin:s.pos]
}
