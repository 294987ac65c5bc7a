package safetensors

// This file is the digest of a set: what ties its files together, so that a shard of
// another save is noticed.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// setDigits is how long a digest is as the metadata has it: 128 bits.
const setDigits = 32

// noSet takes the room of a digest until it is known.
var noSet = strings.Repeat("0", setDigits)

// setDigest is the digest of a set: SHA-256, cut to 128 bits, of a line for each tensor, in
// the order of the bytes of their names, which byName gives. doc.go says what a line is.
func setDigest(specs []Spec, byName []int, sums []uint64) string {
	h := sha256.New()
	var line []byte
	for _, i := range byName {
		line = appendDigestLine(line[:0], &specs[i], sums[i])
		_, _ = h.Write(line) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))[:setDigits]
}

// appendDigestLine appends what the digest covers of a tensor. The length goes before the
// name, so that no name can look like a line.
func appendDigestLine(b []byte, s *Spec, sum uint64) []byte {
	b = append(strconv.AppendInt(b, int64(len(s.Name)), 10), ':')
	b = append(append(b, s.Name...), ' ')
	b = append(append(b, s.DType.String()...), ' ')
	b = appendShape(b, s.Shape)
	return fmt.Appendf(b, " %s\n", spell(sum))
}

// fillSet puts the digest of the set into the header, which is the layout's or a copy of it
// and has room for it.
func (l *layout) fillSet(header []byte, digest string) { copy(header[l.setAt:], digest) }
