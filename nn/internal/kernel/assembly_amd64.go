//go:build !purego && !race && !msan && !asan

package kernel

import (
	"os"

	"golang.org/x/sys/cpu"
)

// This file chooses the loops of float32_amd64.s where the processor has what they need.

func init() {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA || os.Getenv("KIBISIS_NOASM") == "1" {
		return
	}
	fast = loops{
		name: "avx2",

		add:   addAVX2,
		mul:   mulAVX2,
		scale: scaleAVX2,
		axpy:  axpyAVX2,

		sum:         sumAVX2,
		dot:         dotAVX2,
		squares:     sumSquaresAVX2,
		squaresFrom: sumSquaresFromAVX2,

		relu:         reluAVX2,
		reluGrad:     reluGradAVX2,
		gelu:         geluAVX2,
		geluGrad:     geluGradAVX2,
		geluTanh:     geluTanhAVX2,
		geluTanhGrad: geluTanhGradAVX2,
		silu:         siluAVX2,
		siluGrad:     siluGradAVX2,
		tanh:         tanhAVX2,
		tanhGrad:     tanhGradAVX2,
		sigmoid:      sigmoidAVX2,
		sigmoidGrad:  sigmoidGradAVX2,

		max:            maxAVX2,
		expSum:         expSumAVX2,
		sumExp:         sumExpAVX2,
		less:           lessAVX2,
		softmaxGrad:    softmaxGradAVX2,
		logSoftmaxGrad: logSoftmaxGradAVX2,

		norm:       normAVX2,
		normSums:   normSumsAVX2,
		normGrad:   normGradAVX2,
		normParams: normParamsAVX2,

		adam: adamAVX2,
	}
}
