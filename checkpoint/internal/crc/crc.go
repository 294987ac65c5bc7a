// Package crc puts a CRC-64/NVME together from those of parts, so that one file or tensor can be
// summed on all cores.
package crc

// polynomial is CRC-64/NVME's, the lowest power in the highest bit, as are all
// polynomials here.
const polynomial = 0x9a6c9329ac4bc9b5

// powers holds x^(8*2^k) modulo polynomial, for each bit of a size.
var powers = func() (all [63]uint64) {
	x8 := uint64(1) << (63 - 8)
	for k := range all {
		all[k] = x8
		x8 = multiply(x8, x8)
	}
	return all
}()

// Join is the checksum of a's bytes and b's behind them, of which there are
// size. Appending a byte multiplies the remainder by x^8; that CRC-64/NVME inverts
// remainders at the beginning and the end cancels out (as for zlib's
// crc32_combine, https://github.com/madler/zlib/blob/v1.3.1/crc32.c).
func Join(a, b uint64, size int64) uint64 {
	for k := 0; size > 0; k, size = k+1, size>>1 {
		if size&1 != 0 {
			a = multiply(a, powers[k])
		}
	}
	return a ^ b
}

// multiply is a*b modulo polynomial.
func multiply(a, b uint64) (product uint64) {
	for ; a != 0; a <<= 1 {
		if a>>63 != 0 {
			product ^= b
		}
		// b*x: the power 63 becomes 64, which is the polynomial's rest.
		b = b>>1 ^ polynomial&-(b&1)
	}
	return product
}
