package safetensors

// This file is the walk on which the safety of the format rests: tensors in
// file order, each beginning where the one before it ended, each as long as its
// dtype and shape say, the last one ending with the file.

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
)

// check walks the tensors of a header whose data begins at byte dataStart of a
// file of size bytes. The order of its checks is the reference's.
func (h *header) check(size int64) error {
	h.sort()
	var end uint64
	for i := range h.entries {
		e := &h.entries[i]
		if err := h.checkEntry(e, end); err != nil {
			return err
		}
		end = e.end
	}
	if data := uint64(size - h.dataStart()); end != data {
		return h.incomplete(end, data)
	}
	return nil
}

// checkEntry checks a tensor that must begin at that byte of the data.
func (h *header) checkEntry(e *entry, begin uint64) error {
	if e.begin != begin || e.end < e.begin {
		return h.fault(e, ErrOffset, fmt.Sprintf("begins at data byte %d and ends at %d, want begin %d", e.begin, e.end, begin))
	}
	switch e.fault {
	case overflowFault:
		return h.fault(e, ErrOverflow, fmt.Sprintf("shape %s of %s is more bytes than 64 bits count", h.shapeText(e), e.dtype))
	case misalignedFault:
		return h.fault(e, ErrMisaligned, fmt.Sprintf("shape %s of %s does not fill whole bytes", h.shapeText(e), e.dtype))
	case sizeFault:
		return h.fault(e, ErrSize, fmt.Sprintf("%d bytes, but shape %s of %s takes %d", e.end-e.begin, h.shapeText(e), e.dtype, h.bytesOf(e)))
	}
	return nil
}

// incomplete is the fault of tensors that end at that byte of so much data.
func (h *header) incomplete(end, data uint64) *FormatError {
	return &FormatError{
		Kind: ErrIncomplete, Begin: h.absolute(min(end, data)), End: h.absolute(max(end, data)),
		Detail: fmt.Sprintf("tensors end at data byte %d, the file holds %d bytes of data", end, data),
	}
}

// dataStart is where the data begins, in bytes from the start of the file.
func (h *header) dataStart() int64 { return lengthBytes + int64(len(h.text)) }

// absolute counts from the start of the file instead of the data, cut to the
// largest int64.
func (h *header) absolute(dataByte uint64) int64 {
	if dataByte > math.MaxInt64-uint64(h.dataStart()) {
		return math.MaxInt64
	}
	return h.dataStart() + int64(dataByte)
}

func (h *header) fault(e *entry, kind ErrorKind, detail string) *FormatError {
	return &FormatError{
		Kind: kind, Tensor: string(h.bytes(e.name)), Detail: detail,
		Begin: h.absolute(e.begin), End: h.absolute(e.end),
	}
}

// sort puts the entries in file order. A header written in it, as nearly all
// are, costs one pass. Empty tensors at one place keep the header's order.
func (h *header) sort() {
	switch {
	case h.sorted():
	case len(h.entries) <= len(h.text)/minEntry:
		h.sortKeys()
	default: // entries in array form, so short that there is no memory to spare
		slices.SortFunc(h.entries, func(a, b entry) int { return compare(&a, &b) })
		clear(h.names.slots)
		for i, e := range h.entries {
			h.names.add(h.bytes(e.name), uint32(i), h.nameOf)
		}
	}
}

// sortKeys sorts pairs of range and number, and moves each entry once.
func (h *header) sortKeys() {
	type key struct {
		begin uint64
		i     uint32
	}
	keys := make([]key, len(h.entries))
	for i := range keys {
		keys[i] = key{h.entries[i].begin, uint32(i)}
	}
	slices.SortFunc(keys, func(a, b key) int {
		switch {
		case a.begin < b.begin:
			return -1
		case a.begin > b.begin:
			return 1
		}
		return compare(&h.entries[a.i], &h.entries[b.i])
	})
	sorted, moved := make([]entry, len(keys)), make([]uint32, len(keys))
	for to, k := range keys {
		sorted[to] = h.entries[k.i]
		moved[k.i] = uint32(to)
	}
	h.entries = sorted
	h.names.renumber(moved)
}

func (h *header) sorted() bool {
	for i := 1; i < len(h.entries); i++ {
		if compare(&h.entries[i-1], &h.entries[i]) > 0 {
			return false
		}
	}
	return true
}

// compare orders entries by their ranges, those of one range as in the header.
func compare(a, b *entry) int {
	if a.begin != b.begin {
		return cmp.Compare(a.begin, b.begin)
	}
	return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.shape, b.shape))
}

// dimsOf calls f with each dim of a checked entry.
func (h *header) dimsOf(e *entry, f func(uint64)) {
	s := scanner{text: h.text, pos: int(e.shape)}
	if err := s.dims(f); err != nil {
		panic("safetensors: a shape that was parsed before: " + err.Error())
	}
}

// bytesOf is the size in bytes that dtype and shape of e say, where they do.
func (h *header) bytesOf(e *entry) uint64 {
	size := newSizer()
	h.dimsOf(e, size.axis)
	n, _ := size.bytes(e.dtype)
	return n
}

// shapeText is the shape as the header spells it, without white space.
func (h *header) shapeText(e *entry) string {
	text := h.text[e.shape:]
	if i := bytes.IndexByte(text, ']'); i >= 0 {
		text = text[:i+1]
	}
	return string(bytes.Join(bytes.Fields(clip(text)), nil))
}

// clip cuts text that goes into a message to a readable length.
func clip(text []byte) []byte {
	const most = 64 // bytes
	if len(text) <= most {
		return text
	}
	return append(slices.Clip(text[:most]), "..."...)
}
