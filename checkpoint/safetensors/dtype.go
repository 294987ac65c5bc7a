package safetensors

// This file is the table of element types: names and widths as the format
// spells them, in the order that decides where the writer puts a tensor.

// A DType is the type of a tensor's elements as stored. The zero value is none
// of them.
//
// The constants stand in the reference's order of alignment: the writer puts
// the dtype with the largest value first.
type DType uint8

// The 22 dtypes of the format.
const (
	Bool       DType = iota + 1 // one byte; any non-zero byte counts as true
	F4                          // e2m1, two elements a byte (MXFP4)
	F6E2M3                      // four elements in three bytes (MXFP6)
	F6E3M2                      // four elements in three bytes (MXFP6)
	U8                          // unsigned, 8 bits
	I8                          // two's complement, 8 bits
	F8E5M2                      // OCP e5m2, with infinities
	F8E4M3                      // torch.float8_e4m3fn: no infinities
	F8E8M0                      // a power of two, the scale of MX blocks
	F8E4M3FNUZ                  // no infinities, no negative zero
	F8E5M2FNUZ                  // no infinities, no negative zero
	I16                         // two's complement, 16 bits
	U16                         // unsigned, 16 bits
	F16                         // IEEE 754 binary16
	BF16                        // the upper half of an F32
	I32                         // two's complement, 32 bits
	U32                         // unsigned, 32 bits
	F32                         // IEEE 754 binary32
	C64                         // two F32: real part, imaginary part
	F64                         // IEEE 754 binary64
	I64                         // two's complement, 64 bits
	U64                         // unsigned, 64 bits
)

var dtypes = [...]struct {
	name string
	bits int
}{
	0:          {"none", 0},
	Bool:       {"BOOL", 8},
	F4:         {"F4", 4},
	F6E2M3:     {"F6_E2M3", 6},
	F6E3M2:     {"F6_E3M2", 6},
	U8:         {"U8", 8},
	I8:         {"I8", 8},
	F8E5M2:     {"F8_E5M2", 8},
	F8E4M3:     {"F8_E4M3", 8},
	F8E8M0:     {"F8_E8M0", 8},
	F8E4M3FNUZ: {"F8_E4M3FNUZ", 8},
	F8E5M2FNUZ: {"F8_E5M2FNUZ", 8},
	I16:        {"I16", 16},
	U16:        {"U16", 16},
	F16:        {"F16", 16},
	BF16:       {"BF16", 16},
	I32:        {"I32", 32},
	U32:        {"U32", 32},
	F32:        {"F32", 32},
	C64:        {"C64", 64},
	F64:        {"F64", 64},
	I64:        {"I64", 64},
	U64:        {"U64", 64},
}

// ParseDType returns the dtype that the format calls name. Names are exact:
// "F32" is one, "f32" is not.
func ParseDType(name string) (DType, bool) {
	d := dtypeOf([]byte(name))
	return d, d.valid()
}

// dtypeOf returns the dtype of that name, 0 where there is none. A switch over
// constants is several times faster than a map, and headers ask once a tensor.
func dtypeOf(name []byte) DType {
	switch string(name) {
	case "BOOL":
		return Bool
	case "F4":
		return F4
	case "F6_E2M3":
		return F6E2M3
	case "F6_E3M2":
		return F6E3M2
	case "U8":
		return U8
	case "I8":
		return I8
	case "F8_E5M2":
		return F8E5M2
	case "F8_E4M3":
		return F8E4M3
	case "F8_E8M0":
		return F8E8M0
	case "F8_E4M3FNUZ":
		return F8E4M3FNUZ
	case "F8_E5M2FNUZ":
		return F8E5M2FNUZ
	case "I16":
		return I16
	case "U16":
		return U16
	case "F16":
		return F16
	case "BF16":
		return BF16
	case "I32":
		return I32
	case "U32":
		return U32
	case "F32":
		return F32
	case "C64":
		return C64
	case "F64":
		return F64
	case "I64":
		return I64
	case "U64":
		return U64
	}
	return 0
}

// String returns the format's name, "F32" for example.
func (d DType) String() string {
	if !d.valid() {
		return dtypes[0].name
	}
	return dtypes[d].name
}

// Bits returns the width of one element in bits: 4 and 6 for the sub-byte
// floats, else a multiple of 8.
func (d DType) Bits() int {
	if !d.valid() {
		return 0
	}
	return dtypes[d].bits
}

func (d DType) valid() bool { return d >= Bool && int(d) < len(dtypes) }
