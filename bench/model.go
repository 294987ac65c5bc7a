package main

// This file makes the model that is saved and loaded: a transformer of GPT-2's
// shapes, of any size.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
)

// A model is float32 tensors by name. They lie one after the other in one block
// of memory, so that floors can move the same bytes without knowing of tensors.
type model struct {
	tensors map[string]*tensor.Dense
	slab    []float32
}

// A param is a name and a shape.
type param struct {
	name  string
	shape []int
}

func (p param) elements() int { return tensor.Shape(p.shape).TotalSize() }

// layers is how many GPT-2 has.
const layers = 12

// newModel makes a model of close to size bytes whose elements are all 0.
func newModel(size int64) *model { return newModelOf(transformer(size, 32, layers)) }

// newModelOf makes a model of these tensors whose elements are all 0.
func newModelOf(params []param) *model {
	m := &model{tensors: make(map[string]*tensor.Dense, len(params)), slab: make([]float32, elements(params))}
	rest := m.slab
	for _, p := range params {
		n := p.elements()
		m.tensors[p.name] = tensor.New(tensor.WithShape(p.shape...), tensor.WithBacking(rest[:n:n]))
		rest = rest[n:]
	}
	return m
}

// transformer is GPT-2 with so many layers, the widest by a multiple of unit that leaves two
// fifths of size for the embedding of the vocabulary, which fills what is left to a row. At
// 1 GiB and 12 layers it is 1024 wide and has 148 tensors, 98 of them of 16 KiB at most.
func transformer(size int64, unit, layers int) []param {
	width, left := unit, 0
	for w := width; ; w += unit {
		rest := int(size/4) - elements(blocks(w, layers))
		if w > unit && rest < int(size/4)*2/5 {
			break
		}
		width, left = w, rest
	}
	return append(blocks(width, layers), param{"wte.weight", []int{max(left/width, 1), width}})
}

// blocks is everything but the embedding of the vocabulary.
func blocks(width, layers int) []param {
	list := []param{{"wpe.weight", []int{1024, width}}, {"ln_f.weight", []int{width}}, {"ln_f.bias", []int{width}}}
	for i := range layers {
		for _, p := range []param{
			{"ln_1.weight", []int{width}},
			{"ln_1.bias", []int{width}},
			{"attn.c_attn.weight", []int{width, 3 * width}},
			{"attn.c_attn.bias", []int{3 * width}},
			{"attn.c_proj.weight", []int{width, width}},
			{"attn.c_proj.bias", []int{width}},
			{"ln_2.weight", []int{width}},
			{"ln_2.bias", []int{width}},
			{"mlp.c_fc.weight", []int{width, 4 * width}},
			{"mlp.c_fc.bias", []int{4 * width}},
			{"mlp.c_proj.weight", []int{4 * width, width}},
			{"mlp.c_proj.bias", []int{width}},
		} {
			list = append(list, param{fmt.Sprintf("h.%d.%s", i, p.name), p.shape})
		}
	}
	return list
}

func elements(params []param) int {
	n := 0
	for _, p := range params {
		n += p.elements()
	}
	return n
}

// fill gives every element a value of its own in [-0.1, 0.1), the same in every run.
func (m *model) fill() {
	random := rand.NewPCG(1, 2)
	for i := range m.slab {
		m.slab[i] = (float32(random.Uint64()>>40)/(1<<24) - 0.5) * 0.2
	}
}

// size is in bytes.
func (m *model) size() int64 { return int64(len(m.slab)) * 4 }

// bytes views the elements as they lie in memory.
func (m *model) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(m.slab))), m.size())
}

func (m *model) state() checkpoint.Model { return checkpoint.FromValues(m.tensors) }

// clear makes all elements 0, so that what a load fills can be told.
func (m *model) clear() error {
	clear(m.slab)
	return nil
}

// equals is an error unless both have the same bits.
func (m *model) equals(other *model) error {
	if !bytes.Equal(m.bytes(), other.bytes()) {
		return fmt.Errorf("the %d bytes are not those of the model that was saved", m.size())
	}
	return nil
}
