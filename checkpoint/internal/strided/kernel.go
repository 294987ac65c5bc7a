package strided

// This file is the inner loops: one for each width that elements have, so that
// moving one is a load and a store, and one for any other length of a run.

// gather copies a run of size bytes from src at each of the offsets, counted from
// base, to dst, where they lie one behind the other.
//
//go:noinline
func gather(dst, src []byte, base int, offsets []int, size int) {
	switch size {
	case 1:
		gather1(dst, src, base, offsets)
	case 2:
		gather2(dst, src, base, offsets)
	case 4:
		gather4(dst, src, base, offsets)
	case 8:
		gather8(dst, src, base, offsets)
	default:
		for i, o := range offsets {
			copy(dst[i*size:][:size], src[base+o:])
		}
	}
}

// Four at a time: then the bounds of dst and of offsets are checked once for four
// elements, which is a third of the time.

func gather1(dst, src []byte, base int, offsets []int) {
	for ; len(offsets) >= 4; dst, offsets = dst[4:], offsets[4:] {
		d, o := dst[:4], offsets[:4]
		d[0], d[1], d[2], d[3] = src[base+o[0]], src[base+o[1]], src[base+o[2]], src[base+o[3]]
	}
	for i, o := range offsets {
		dst[i] = src[base+o]
	}
}

func gather2(dst, src []byte, base int, offsets []int) {
	for ; len(offsets) >= 4; dst, offsets = dst[8:], offsets[4:] {
		d, o := dst[:8], offsets[:4]
		*(*[2]byte)(d[0:]) = *(*[2]byte)(src[base+o[0]:])
		*(*[2]byte)(d[2:]) = *(*[2]byte)(src[base+o[1]:])
		*(*[2]byte)(d[4:]) = *(*[2]byte)(src[base+o[2]:])
		*(*[2]byte)(d[6:]) = *(*[2]byte)(src[base+o[3]:])
	}
	for i, o := range offsets {
		*(*[2]byte)(dst[2*i:]) = *(*[2]byte)(src[base+o:])
	}
}

func gather4(dst, src []byte, base int, offsets []int) {
	for ; len(offsets) >= 4; dst, offsets = dst[16:], offsets[4:] {
		d, o := dst[:16], offsets[:4]
		*(*[4]byte)(d[0:]) = *(*[4]byte)(src[base+o[0]:])
		*(*[4]byte)(d[4:]) = *(*[4]byte)(src[base+o[1]:])
		*(*[4]byte)(d[8:]) = *(*[4]byte)(src[base+o[2]:])
		*(*[4]byte)(d[12:]) = *(*[4]byte)(src[base+o[3]:])
	}
	for i, o := range offsets {
		*(*[4]byte)(dst[4*i:]) = *(*[4]byte)(src[base+o:])
	}
}

func gather8(dst, src []byte, base int, offsets []int) {
	for ; len(offsets) >= 4; dst, offsets = dst[32:], offsets[4:] {
		d, o := dst[:32], offsets[:4]
		*(*[8]byte)(d[0:]) = *(*[8]byte)(src[base+o[0]:])
		*(*[8]byte)(d[8:]) = *(*[8]byte)(src[base+o[1]:])
		*(*[8]byte)(d[16:]) = *(*[8]byte)(src[base+o[2]:])
		*(*[8]byte)(d[24:]) = *(*[8]byte)(src[base+o[3]:])
	}
	for i, o := range offsets {
		*(*[8]byte)(dst[8*i:]) = *(*[8]byte)(src[base+o:])
	}
}

// scatter copies runs of size bytes, which lie one behind the other in src, to
// each of the offsets in dst, counted from base.
//
//go:noinline
func scatter(dst, src []byte, base int, offsets []int, size int) {
	switch size { // conversions to arrays compile to single moves
	case 1:
		for i, o := range offsets {
			dst[base+o] = src[i]
		}
	case 2:
		for i, o := range offsets {
			*(*[2]byte)(dst[base+o:]) = *(*[2]byte)(src[2*i:])
		}
	case 4:
		for i, o := range offsets {
			*(*[4]byte)(dst[base+o:]) = *(*[4]byte)(src[4*i:])
		}
	case 8:
		for i, o := range offsets {
			*(*[8]byte)(dst[base+o:]) = *(*[8]byte)(src[8*i:])
		}
	default:
		for i, o := range offsets {
			copy(dst[base+o:][:size], src[i*size:])
		}
	}
}
