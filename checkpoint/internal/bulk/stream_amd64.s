//go:build !purego && !race && !msan && !asan

#include "textflag.h"

// The loops of Stream. Stores are non-temporal (VMOVNTDQ): they write whole lines to memory
// without reading them first. They are weakly ordered, hence the fence at the end. Prefetching
// gained nothing.

// func streamPages(dst, src *byte, n int)
TEXT ·streamPages(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), BX

block:
	MOVQ $64, CX // lines a page

line:
	VMOVDQU  (SI), Y0
	VMOVDQU  32(SI), Y1
	VMOVDQU  4096(SI), Y2
	VMOVDQU  4128(SI), Y3
	VMOVDQU  8192(SI), Y4
	VMOVDQU  8224(SI), Y5
	VMOVDQU  12288(SI), Y6
	VMOVDQU  12320(SI), Y7
	VMOVNTDQ Y0, (DI)
	VMOVNTDQ Y1, 32(DI)
	VMOVNTDQ Y2, 4096(DI)
	VMOVNTDQ Y3, 4128(DI)
	VMOVNTDQ Y4, 8192(DI)
	VMOVNTDQ Y5, 8224(DI)
	VMOVNTDQ Y6, 12288(DI)
	VMOVNTDQ Y7, 12320(DI)
	ADDQ     $64, SI
	ADDQ     $64, DI
	DECQ     CX
	JNZ      line
	ADDQ     $12288, SI // the three pages copied besides
	ADDQ     $12288, DI
	SUBQ     $16384, BX
	JNZ      block
	SFENCE
	VZEROUPPER
	RET

// func streamRuns(dst, src *byte, n int)
TEXT ·streamRuns(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), BX

run:
	VMOVDQU  (SI), Y0
	VMOVDQU  32(SI), Y1
	VMOVDQU  64(SI), Y2
	VMOVDQU  96(SI), Y3
	VMOVDQU  128(SI), Y4
	VMOVDQU  160(SI), Y5
	VMOVDQU  192(SI), Y6
	VMOVDQU  224(SI), Y7
	VMOVNTDQ Y0, (DI)
	VMOVNTDQ Y1, 32(DI)
	VMOVNTDQ Y2, 64(DI)
	VMOVNTDQ Y3, 96(DI)
	VMOVNTDQ Y4, 128(DI)
	VMOVNTDQ Y5, 160(DI)
	VMOVNTDQ Y6, 192(DI)
	VMOVNTDQ Y7, 224(DI)
	ADDQ     $256, SI
	ADDQ     $256, DI
	SUBQ     $256, BX
	JNZ      run
	SFENCE
	VZEROUPPER
	RET
