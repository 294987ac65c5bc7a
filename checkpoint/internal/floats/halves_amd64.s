//go:build !purego && !race && !msan && !asan

#include "textflag.h"

// Sixteen elements a round. n is a multiple of sixteen and not 0; nothing need be aligned.

// func decodeF16AVX2(dst *float32, src *byte, n int)
TEXT ·decodeF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

loop:
	VCVTPH2PS (SI), Y0
	VCVTPH2PS 16(SI), Y1
	VMOVUPS   Y0, (DI)
	VMOVUPS   Y1, 32(DI)
	ADDQ      $32, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JNZ       loop
	VZEROUPPER
	RET

// func decodeBF16AVX2(dst *float32, src *byte, n int)
TEXT ·decodeBF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

loop:
	VPMOVZXWD (SI), Y0
	VPMOVZXWD 16(SI), Y1
	VPSLLD    $16, Y0, Y0
	VPSLLD    $16, Y1, Y1
	VMOVDQU   Y0, (DI)
	VMOVDQU   Y1, 32(DI)
	ADDQ      $32, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JNZ       loop
	VZEROUPPER
	RET

// func encodeF16AVX2(dst *byte, src *float32, n int)
TEXT ·encodeF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

loop:
	VMOVUPS   (SI), Y0
	VMOVUPS   32(SI), Y1
	VCVTPS2PH $0, Y0, (DI) // 0: to nearest, ties to even, whatever the rounding mode
	VCVTPS2PH $0, Y1, 16(DI)
	ADDQ      $64, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JNZ       loop
	VZEROUPPER
	RET

// BF16 leaves in dst the BF16 bits, in the lower half of each lane, of the float32 in src. As in
// F32ToBF16, a NaN is not rounded but made quiet.
#define BF16(src, dst, nan) \
	VPSRLD    $16, src, dst       \
	VPAND     Y13, dst, dst       \
	VPADDD    Y14, dst, dst       \
	VPADDD    src, dst, dst       \ // rounded
	VCMPPS    $3, src, src, nan   \ // 3: unordered
	VPOR      Y15, src, src       \ // quiet
	VBLENDVPS nan, src, dst, dst  \
	VPSRLD    $16, dst, dst

// func encodeBF16AVX2(dst *byte, src *float32, n int)
TEXT ·encodeBF16AVX2(SB), NOSPLIT, $0-24
	MOVQ     dst+0(FP), DI
	MOVQ     src+8(FP), SI
	MOVQ     n+16(FP), CX
	VPCMPEQD Y15, Y15, Y15
	VPSRLD   $31, Y15, Y13 // 1
	VPSRLD   $17, Y15, Y14 // 0x7fff
	VPSLLD   $31, Y15, Y15
	VPSRLD   $9, Y15, Y15  // 0x400000, the bit of a quiet NaN

loop:
	VMOVDQU   (SI), Y0
	VMOVDQU   32(SI), Y1
	BF16(Y0, Y2, Y4)
	BF16(Y1, Y3, Y5)
	VPACKUSDW Y3, Y2, Y2    // lanes 0-3, 8-11, 4-7, 12-15
	VPERMQ    $0xd8, Y2, Y2 // in order
	VMOVDQU   Y2, (DI)
	ADDQ      $64, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JNZ       loop
	VZEROUPPER
	RET
