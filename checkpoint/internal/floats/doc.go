// Package floats converts between the small float formats that safetensors
// files hold and Go's float32 and float64. It works on the bytes of the file
// (little-endian, packed), many elements a call, and knows nothing of tensors.
//
//	format       bits s.e.m  bias  largest   smallest  special values
//	F16          1.5.10        15  65504     2^-24     Inf and NaN, as IEEE 754
//	BF16         1.8.7        127  3.39e38   2^-133    Inf and NaN, as IEEE 754
//	F8_E5M2      1.5.2         15  57344     2^-16     Inf and NaN, as IEEE 754
//	F8_E4M3      1.4.3          7  448       2^-9      NaN 0x7f and 0xff, no Inf
//	F8_E5M2FNUZ  1.5.2         16  57344     2^-17     NaN 0x80, no Inf, no -0
//	F8_E4M3FNUZ  1.4.3          8  240       2^-10     NaN 0x80, no Inf, no -0
//	F8_E8M0      0.8.0        127  2^127     2^-127    NaN 0xff; no sign, no zero
//	F6_E3M2      1.3.2          3  28        2^-4      none
//	F6_E2M3      1.2.3          1  7.5       2^-3      none
//	F4           1.2.1          1  6         2^-1      none
//
// "Smallest" is the smallest value above zero. Sources: IEEE 754-2019 for F16;
// OCP 8-bit Floating Point Specification 1.0 for F8_E5M2 and F8_E4M3 (PyTorch's
// float8_e4m3fn); OCP Microscaling Formats 1.0 for F8_E8M0, F6 and F4; Noune et
// al. (arXiv:2206.02915) for the two FNUZ formats.
//
// # Promises
//
// Decoding is exact: float32 holds every value of every format above. Encoding
// rounds once, to nearest with ties to even, whether it starts from float32 or
// from float64; what rounds past the largest value becomes Inf.
//
// A NaN stays a NaN in both directions. F16 and F8 NaN decode to quiet ones,
// and encoding gives quiet ones too, keeping the sign and as many of the
// payload's upper bits as fit. BF16 is the upper half of a float32, so decoding
// moves its bits unchanged, signalling NaN included.
//
// # Calling
//
// The slice of Go floats gives the count of elements: a Decode function fills
// all of dst, an Encode function writes all of src. The caller makes sure that
// the byte slice holds as many; a shorter one is the caller's mistake and panics,
// as an index out of range does, before anything is written. Bytes beyond are
// left alone. The two slices must not share memory. No function keeps a slice or
// allocates, and all may run at the same time on different destinations.
package floats
