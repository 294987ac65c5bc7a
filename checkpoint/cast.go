package checkpoint

// This file converts elements from one dtype to another, and counts what a
// conversion does to them. The rules of rounding are those of internal/floats.

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/fb777929/kibisis/checkpoint/internal/floats"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Cast says which conversions between stored and live dtypes may be made. Floats
// convert to F32, F64, F16 and BF16, integers to integers; nothing else does.
type Cast int

const (
	// CastNone makes no conversion: dtypes must be equal.
	CastNone Cast = iota
	// CastExact converts where every single value comes through unchanged.
	CastExact
	// CastRound also rounds floats, to nearest with ties to even. A finite
	// value that would become infinite is an error.
	CastRound
	// CastOverflow also lets finite floats become infinite. Integers that do
	// not fit are an error always.
	CastOverflow
)

// A CastReport says what a conversion did to the values of one tensor. A value
// is counted once.
type CastReport struct {
	Name     string
	From, To safetensors.DType
	Elements int64
	// Overflowed counts finite floats that became infinite, and integers out of
	// range; Underflowed, floats that became zero and were not; Rounded, others
	// that changed.
	Overflowed, Underflowed, Rounded int64
}

// String is one line: name, dtypes and counts.
func (r *CastReport) String() string {
	return fmt.Sprintf("%q from %s to %s: of %d values %d overflowed, %d underflowed, %d lost precision",
		r.Name, r.From, r.To, r.Elements, r.Overflowed, r.Underflowed, r.Rounded)
}

// add counts what r2 did.
func (r *CastReport) add(r2 *CastReport) {
	r.Overflowed += r2.Overflowed
	r.Underflowed += r2.Underflowed
	r.Rounded += r2.Rounded
}

// allowed reports whether c lets r happen.
func (c Cast) allowed(r *CastReport) bool {
	switch {
	case r.Overflowed > 0:
		return c == CastOverflow && isFloat(r.To)
	case r.Underflowed+r.Rounded > 0:
		return c >= CastRound
	}
	return true
}

// castPiece is how many elements are moved or converted at a time: few enough for a
// cache, and as float32 enough for bulk.Stream.
const castPiece = 1 << 14

// A converter writes the elements of src, of one dtype, to dst, of another, both
// little-endian, and counts in r; without r, what is done the second time, it need
// not look back at what it wrote. It keeps its scratch memory: one goroutine.
type converter func(dst, src []byte, r *CastReport)

// convertible reports whether there is a conversion.
func convertible(from, to safetensors.DType) bool {
	return isFloat(from) && encodeFloat[to] != nil || isInt(from) && isInt(to)
}

// isExact reports whether to holds every value of the float dtype from.
func isExact(from, to safetensors.DType) bool {
	return to == safetensors.F64 && isFloat(from) || to == safetensors.F32 && widen(from) != nil
}

// newConverter makes a converter for n elements between dtypes that are convertible;
// nil where they are the same.
func newConverter(from, to safetensors.DType, n int64) converter {
	piece := min(castPiece, n)
	switch {
	case from == to:
		return nil
	case to == safetensors.F32 && widen(from) != nil:
		return widening(widen(from), piece)
	case encodeHalf[to] != nil && from != safetensors.F64 && isFloat(from):
		return halving(from, to, piece)
	case isFloat(from):
		return floatConverter(from, to, piece)
	}
	return intConverter(from, to)
}

func isInt(d safetensors.DType) bool { return intBits(d) != 0 }

// intBits is the width of an integer dtype, negative for signed ones; 0 for
// others.
func intBits(d safetensors.DType) int {
	switch d {
	case safetensors.I8, safetensors.I16, safetensors.I32, safetensors.I64:
		return -d.Bits()
	case safetensors.U8, safetensors.U16, safetensors.U32, safetensors.U64:
		return d.Bits()
	}
	return 0
}

func isFloat(d safetensors.DType) bool {
	return d == safetensors.F32 || d == safetensors.F64 || widen(d) != nil
}

// widen returns the decoder of a dtype that float32 holds exactly, nil for
// others and for F32 itself.
func widen(d safetensors.DType) func(dst []float32, src []byte) { return floats.Decoder(d.String()) }

// encodeFloat encodes the dtypes that floats convert to, rounding once.
var encodeFloat = map[safetensors.DType]func(dst []byte, src []float64){
	safetensors.F64:  encodeF64,
	safetensors.F32:  floats.EncodeF32From64,
	safetensors.F16:  floats.EncodeF16From64,
	safetensors.BF16: floats.EncodeBF16From64,
}

// encodeHalf encodes those of 16 bits from float32, which is faster.
var encodeHalf = map[safetensors.DType]func(dst []byte, src []float32){
	safetensors.F16:  floats.EncodeF16,
	safetensors.BF16: floats.EncodeBF16,
}

func encodeF64(dst []byte, src []float64) {
	for i, x := range src {
		binary.LittleEndian.PutUint64(dst[8*i:], math.Float64bits(x))
	}
}

// decodeFloat makes float64 of any float dtype, exactly.
func decodeFloat(d safetensors.DType, dst []float64, src []byte, scratch []float32) {
	switch d {
	case safetensors.F64:
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
		return
	case safetensors.F32:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
		}
		return
	}
	scratch = scratch[:len(dst)]
	widen(d)(scratch, src)
	for i, x := range scratch {
		dst[i] = float64(x)
	}
}

// widening converts to F32 from a dtype of which F32 holds every value.
func widening(decode func([]float32, []byte), piece int64) converter {
	scratch := make([]float32, piece)
	return func(dst, src []byte, _ *CastReport) {
		if values, ok := asFloat32s(dst); ok {
			decode(values, src)
			return
		}
		values := scratch[:len(dst)/4]
		decode(values, src)
		for i, x := range values {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
		}
	}
}

// halving converts to F16 or BF16 from F32, or from a dtype that F32 holds.
func halving(from, to safetensors.DType, piece int64) converter {
	encode, decode, read := encodeHalf[to], widen(to), widen(from)
	if from == safetensors.F32 {
		read = readFloat32s
	}
	before, after := make([]float32, piece), make([]float32, piece)
	return func(dst, src []byte, r *CastReport) {
		n := len(dst) / 2
		read(before[:n], src)
		encode(dst, before[:n])
		if r == nil {
			return
		}
		decode(after[:n], dst)
		for i, x := range before[:n] {
			if y := after[i]; x != y {
				r.countFloat(float64(x), float64(y))
			}
		}
	}
}

// readFloat32s fills dst from its bytes in a file.
func readFloat32s(dst []float32, src []byte) {
	if values, ok := asFloat32s(src); ok {
		copy(dst, values)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// floatConverter converts by way of float64, which holds everything.
func floatConverter(from, to safetensors.DType, piece int64) converter {
	before, after := make([]float64, piece), make([]float64, piece)
	scratch := make([]float32, piece)
	return func(dst, src []byte, r *CastReport) {
		n := len(dst) * 8 / to.Bits()
		decodeFloat(from, before[:n], src, scratch)
		encodeFloat[to](dst, before[:n])
		if r == nil {
			return
		}
		decodeFloat(to, after[:n], dst, scratch)
		for i, x := range before[:n] {
			if y := after[i]; x != y {
				r.countFloat(x, y)
			}
		}
	}
}

// countFloat counts a value that changed, or a NaN.
func (r *CastReport) countFloat(before, after float64) {
	switch {
	case math.IsNaN(before):
	case math.IsInf(after, 0):
		r.Overflowed++
	case after == 0:
		r.Underflowed++
	default:
		r.Rounded++
	}
}

func intConverter(from, to safetensors.DType) converter {
	width, signed := from.Bits()/8, intBits(from) < 0
	out, outSigned := to.Bits()/8, intBits(to) < 0
	return func(dst, src []byte, r *CastReport) {
		for i := range len(dst) / out {
			v := intAt(src[i*width:], width, signed)
			putInt(dst[i*out:], out, v)
			if r == nil {
				continue
			}
			if back := intAt(dst[i*out:], out, outSigned); back != v || (signed != outSigned && int64(v) < 0) {
				r.Overflowed++
			}
		}
	}
}

// intAt reads an integer of width bytes, sign-extended where it is signed.
func intAt(b []byte, width int, signed bool) uint64 {
	var v uint64
	switch width {
	case 1:
		v = uint64(b[0])
	case 2:
		v = uint64(binary.LittleEndian.Uint16(b))
	case 4:
		v = uint64(binary.LittleEndian.Uint32(b))
	default:
		v = binary.LittleEndian.Uint64(b)
	}
	if shift := 64 - 8*width; signed {
		return uint64(int64(v<<shift) >> shift)
	}
	return v
}

func putInt(b []byte, width int, v uint64) {
	switch width {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}
