package kernel

// This file is attention: soft-max(scale Q Kᵀ + masks) V for each head (Vaswani et al. 2017,
// arXiv:1706.03762), with fewer heads of keys and values than of queries if wanted (Ainslie et al.
// 2023, arXiv:2305.13245). Heads lie side by side in the rows of tensors, and are multiplied where
// they lie.

import (
	"sync"

	"github.com/fb777929/kibisis/nn/internal/blas"
	"github.com/fb777929/kibisis/nn/internal/workers"
)

// AttentionShape says what an attention is of. Queries are rows of (Batch, Queries), keys and
// values of (Batch, Keys), and results rows of Heads * ValueWidth.
type AttentionShape struct {
	Batch, Queries, Keys int
	Heads, KVHeads       int // Heads is a multiple of KVHeads
	Width, ValueWidth    int // of one head: of queries and keys, and of values
	Q, K, V              Section
	Causal               bool // query i sees keys 0 to i
	Scale                float64
	Masks                []Mask
	Dropout              float64 // of the probabilities
}

// Attention is an attention with the memory that it uses again.
type Attention[T Float] struct {
	AttentionShape

	scratch sync.Pool // of *[]T
	kept    []T       // probabilities, (Batch, Heads, Queries, Keys): see Backward
	dscores []T       // of the same shape: gradients of the scores, for those of masks
}

// Section is the part of a tensor's rows in which the heads lie: Stride is the width of a row.
type Section struct{ Stride, From int }

// Mask is the shape of numbers that are added to the scores: (Batch or 1, Heads or 1, Queries or
// 1, Keys).
type Mask struct{ Batch, Heads, Queries int }

// Attended is what an attention is computed of. Q, K and V may be one slice, in which they have
// different sections. Seed is that of dropout.
type Attended[T Float] struct {
	Q, K, V []T
	Masks   [][]T
	Seed    uint64
}

// Forward writes the result to out. Of the probabilities it has only those of some rows at a
// time, unless Backward has been called before and they are few.
func (k *Attention[T]) Forward(out []T, in Attended[T]) {
	rows := k.rows()
	blocks := (k.Queries + rows - 1) / rows
	workers.Run(k.Batch*k.Heads*blocks, func(i int) {
		b := k.block(i/blocks/k.Heads, i/blocks%k.Heads, i%blocks*rows)
		buffer := k.borrow()
		defer k.scratch.Put(buffer)
		p, dropped := k.memory(b, (*buffer)[:rows*k.Keys]), (*buffer)[rows*k.Keys:2*rows*k.Keys]
		k.probabilities(p, in, b)
		p = k.drop(dropped, p, in.Seed, b)
		blas.GemmSerial(false, false, b.rows(), k.ValueWidth, b.keys, 1,
			p, k.Keys, in.V[k.value(b):], k.V.Stride, 0, out[k.result(b):], k.Heads*k.ValueWidth)
	})
}

// attentionBlock is some queries of one head.
type attentionBlock struct {
	batch, head, begin, end int
	keys                    int // how many keys they see at most
}

func (b attentionBlock) rows() int { return b.end - b.begin }

// rows is how many queries are one block: so many that their scores stay in a core's cache, but
// enough for products to be fast.
func (k *Attention[T]) rows() int {
	return min(k.Queries, max(2, (1<<16)/k.Keys/16)*16)
}

func (k *Attention[T]) block(batch, head, begin int) attentionBlock {
	b := attentionBlock{batch, head, begin, min(k.Queries, begin+k.rows()), k.Keys}
	if k.Causal {
		b.keys = min(k.Keys, b.end)
	}
	return b
}

// query, key, value and result are where the numbers of a block's head begin.
func (k *Attention[T]) query(b attentionBlock) int {
	return (b.batch*k.Queries+b.begin)*k.Q.Stride + k.Q.From + b.head*k.Width
}

func (k *Attention[T]) key(b attentionBlock) int {
	return b.batch*k.Keys*k.K.Stride + k.K.From + k.group(b.head)*k.Width
}

func (k *Attention[T]) value(b attentionBlock) int {
	return b.batch*k.Keys*k.V.Stride + k.V.From + k.group(b.head)*k.ValueWidth
}

func (k *Attention[T]) result(b attentionBlock) int {
	return ((b.batch*k.Queries+b.begin)*k.Heads + b.head) * k.ValueWidth
}

// score is where a block's scores begin in (Batch, Heads, Queries, Keys).
func (k *Attention[T]) score(b attentionBlock) int {
	return ((b.batch*k.Heads+b.head)*k.Queries + b.begin) * k.Keys
}

// group is the head of keys and values that a head of queries uses.
func (k *Attention[T]) group(head int) int { return head / (k.Heads / k.KVHeads) }

// probabilities writes the rows of a block to p, which are k.Keys apart; of each, the first b.keys
// numbers.
func (k *Attention[T]) probabilities(p []T, in Attended[T], b attentionBlock) {
	blas.GemmSerial(false, true, b.rows(), b.keys, k.Width, T(k.Scale),
		in.Q[k.query(b):], k.Q.Stride, in.K[k.key(b):], k.K.Stride, 0, p, k.Keys)
	for i := range b.rows() {
		row := p[i*k.Keys:][:b.keys]
		seen := row
		if k.Causal {
			seen = row[:min(b.keys, b.begin+i+1)]
		}
		for j, m := range k.Masks {
			addRow(seen, seen, in.Masks[j][k.maskRow(m, b, i):])
		}
		SoftmaxRow(seen, seen)
		clear(row[len(seen):])
	}
}

// maskRow is where a mask's numbers for query i of a block begin.
func (k *Attention[T]) maskRow(m Mask, b attentionBlock, i int) int {
	at := min(b.batch, m.Batch-1)*m.Heads + min(b.head, m.Heads-1)
	return (at*m.Queries + min(b.begin+i, m.Queries-1)) * k.Keys
}

// drop gives p with dropout, in dropped, or p itself without.
func (k *Attention[T]) drop(dropped, p []T, seed uint64, b attentionBlock) []T {
	if k.Dropout == 0 {
		return p
	}
	for i := range b.rows() {
		at := i * k.Keys
		dropoutFrom(dropped[at:at+b.keys], p[at:at+b.keys], seed, k.score(b)+at, k.Dropout)
	}
	return dropped
}

// borrow gives memory for two blocks of scores.
func (k *Attention[T]) borrow() *[]T {
	if buffer, ok := k.scratch.Get().(*[]T); ok {
		return buffer
	}
	buffer := make([]T, 2*k.rows()*k.Keys)
	return &buffer
}
