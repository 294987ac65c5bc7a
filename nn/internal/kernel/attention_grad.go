package kernel

// This file is the gradients of attention.

import (
	"github.com/fb777929/kibisis/nn/internal/blas"
	"github.com/fb777929/kibisis/nn/internal/workers"
)

// mostKept is how many probabilities stay in memory from Forward to Backward. Others are computed
// again, to the same bits.
const mostKept = 1 << 22

// Backward writes the gradients of what is not nil in d, of the gradient dout of the result. Those
// that are one slice are written in their sections. The heads of queries that share keys are one
// block, so that their gradients are summed in order.
func (k *Attention[T]) Backward(d, in Attended[T], dout []T) {
	for _, mask := range d.Masks {
		if mask != nil && k.dscores == nil {
			k.dscores = make([]T, k.Batch*k.Heads*k.Queries*k.Keys)
		}
	}
	again := k.kept == nil
	shared := k.Heads / k.KVHeads
	workers.Run(k.Batch*k.KVHeads, func(i int) {
		batch, first := i/k.KVHeads, i%k.KVHeads*shared
		buffer := k.borrow()
		defer k.scratch.Put(buffer)
		k.clearKeys(d, k.block(batch, first, 0))
		for head := first; head < first+shared; head++ {
			for begin := 0; begin < k.Queries; begin += k.rows() {
				k.blockGrad(d, in, dout, k.block(batch, head, begin), *buffer, again)
			}
		}
	})
	for i, mask := range d.Masks {
		if mask != nil {
			k.maskGrad(mask, k.Masks[i])
		}
	}
	if n := k.Batch * k.Heads * k.Queries * k.Keys; again && n <= mostKept {
		k.kept = make([]T, n)
	}
}

// memory is where the probabilities of a block are kept, or else scratch.
func (k *Attention[T]) memory(b attentionBlock, scratch []T) []T {
	if k.kept == nil {
		return scratch
	}
	return k.kept[k.score(b):]
}

// clearKeys begins the gradients of the keys and values of a head.
func (k *Attention[T]) clearKeys(d Attended[T], b attentionBlock) {
	for i := range k.Keys {
		if d.K != nil {
			clear(d.K[k.key(b)+i*k.K.Stride:][:k.Width])
		}
		if d.V != nil {
			clear(d.V[k.value(b)+i*k.V.Stride:][:k.ValueWidth])
		}
	}
}

// blockGrad writes the gradients of a block's queries, and adds to those of its keys and values.
func (k *Attention[T]) blockGrad(d, in Attended[T], dout []T, b attentionBlock, buffer []T, again bool) {
	size := k.rows() * k.Keys
	p, dp := k.memory(b, buffer[:size]), buffer[size:2*size]
	if again {
		k.probabilities(p, in, b)
	}
	dout, stride := dout[k.result(b):], k.Heads*k.ValueWidth
	if d.V != nil {
		dropped := k.drop(dp, p, in.Seed, b)
		blas.GemmSerial(true, false, b.keys, k.ValueWidth, b.rows(), 1,
			dropped, k.Keys, dout, stride, 1, d.V[k.value(b):], k.V.Stride)
	}
	if d.Q == nil && d.K == nil && k.dscores == nil {
		return
	}
	blas.GemmSerial(false, true, b.rows(), b.keys, k.ValueWidth, 1,
		dout, stride, in.V[k.value(b):], k.V.Stride, 0, dp, k.Keys)
	k.drop(dp, dp, in.Seed, b)
	for i := range b.rows() {
		row := dp[i*k.Keys:][:b.keys]
		SoftmaxGradRow(row, p[i*k.Keys:][:b.keys], row)
	}
	if d.Q != nil {
		blas.GemmSerial(false, false, b.rows(), k.Width, b.keys, T(k.Scale),
			dp, k.Keys, in.K[k.key(b):], k.K.Stride, 0, d.Q[k.query(b):], k.Q.Stride)
	}
	if d.K != nil {
		blas.GemmSerial(true, false, b.keys, k.Width, b.rows(), T(k.Scale),
			dp, k.Keys, in.Q[k.query(b):], k.Q.Stride, 1, d.K[k.key(b):], k.K.Stride)
	}
	if k.dscores != nil {
		k.keepScores(dp, b)
	}
}

// keepScores keeps the gradients of a block's scores. Those of keys that no query of it sees are
// zeros from the beginning.
func (k *Attention[T]) keepScores(dp []T, b attentionBlock) {
	all := k.dscores[k.score(b):]
	for i := range b.rows() {
		copy(row(all, i, k.Keys), dp[i*k.Keys:][:b.keys])
	}
}

// maskGrad sums the gradients of scores that one number of the mask was added to, in order.
func (k *Attention[T]) maskGrad(dmask []T, m Mask) {
	rows := m.Batch * m.Heads * m.Queries
	workers.Blocks(rows, max(1, light/(len(k.dscores)/rows)), func(begin, end int) {
		clear(dmask[begin*k.Keys : end*k.Keys])
		for i := begin; i < end; i++ {
			k.addScores(row(dmask, i, k.Keys), i/m.Queries/m.Heads, i/m.Queries%m.Heads, i%m.Queries, m)
		}
	})
}

// addScores adds to the row of a mask's gradient that is at batch, head and query.
func (k *Attention[T]) addScores(sum []T, batch, head, query int, m Mask) {
	for b := batch; b < k.Batch; b += m.Batch {
		for h := head; h < k.Heads; h += m.Heads {
			for q := query; q < k.Queries; q += m.Queries {
				addRow(sum, sum, row(k.dscores, (b*k.Heads+h)*k.Queries+q, k.Keys))
			}
		}
	}
}
