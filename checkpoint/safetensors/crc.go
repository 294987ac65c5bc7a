package safetensors

// This file puts the checksum of a tensor together from those of its parts, so
// that one tensor can be summed on all cores.

// crcPolynomial is CRC-64/NVME's, the lowest power in the highest bit, as are all
// polynomials here.
const crcPolynomial = 0x9a6c9329ac4bc9b5

// crcPowers holds x^(8*2^k) modulo crcPolynomial, for each bit of a size.
var crcPowers = func() (powers [63]uint64) {
	x8 := uint64(1) << (63 - 8)
	for k := range powers {
		powers[k] = x8
		x8 = crcMultiply(x8, x8)
	}
	return powers
}()

// joinSums is the checksum of a's bytes and b's behind them, of which there are
// size. Appending a byte multiplies the remainder by x^8; that CRC-64/NVME inverts
// remainders at the beginning and the end cancels out (as for zlib's
// crc32_combine, https://github.com/madler/zlib/blob/v1.3.1/crc32.c).
func joinSums(a, b uint64, size int64) uint64 {
	for k := 0; size > 0; k, size = k+1, size>>1 {
		if size&1 != 0 {
			a = crcMultiply(a, crcPowers[k])
		}
	}
	return a ^ b
}

// crcMultiply is a*b modulo crcPolynomial.
func crcMultiply(a, b uint64) (product uint64) {
	for ; a != 0; a <<= 1 {
		if a>>63 != 0 {
			product ^= b
		}
		// b*x: the power 63 becomes 64, which is the polynomial's rest.
		b = b>>1 ^ crcPolynomial&-(b&1)
	}
	return product
}
