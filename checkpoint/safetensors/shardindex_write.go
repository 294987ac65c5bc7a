package safetensors

// This file writes a shard index: the JSON that json.dump(..., indent=2) of Python makes,
// since that is what huggingface_hub calls.

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// An indexText is an index to be written.
type indexText struct {
	text  []byte
	setAt int // where the digest of the set begins in text
}

// newIndexText makes the index of files, in their order and that of their tensors. total is
// the bytes of data of all tensors. metadata has room for the digest of the set.
func newIndexText(total int64, metadata map[string]string, files []plannedFile) *indexText {
	x := &indexText{text: []byte("{\n")}
	x.key(2, metadataKey)
	x.text = append(x.text, "{\n"...)
	x.key(4, totalKey)
	x.text = strconv.AppendInt(x.text, total, 10)
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		x.text = append(x.text, ",\n"...)
		x.key(4, key)
		if key == metakey.Set {
			x.setAt = len(x.text) + 1 // behind the quote
		}
		x.text = appendPythonString(x.text, metadata[key])
	}
	x.text = append(x.text, "\n  },\n"...)
	x.weightMap(files)
	x.text = append(x.text, "\n}"...)
	return x
}

func (x *indexText) weightMap(files []plannedFile) {
	x.key(2, mapKey)
	end := "{\n"
	for _, f := range files {
		for i := range f.layout.specs {
			x.text = append(x.text, end...)
			x.key(4, f.layout.specs[i].Name)
			x.text = appendPythonString(x.text, f.name)
			end = ",\n"
		}
	}
	x.text = append(x.text, "\n  }"...)
}

// key begins a member that is indented so many spaces.
func (x *indexText) key(indent int, key string) {
	x.text = fmt.Appendf(x.text, "%*s", indent, "")
	x.text = append(appendPythonString(x.text, key), ": "...)
}

// check refuses what no reader of ours would take.
func (x *indexText) check(path string) error {
	if len(x.text) <= maxIndex {
		return nil
	}
	return &FormatError{
		Kind: ErrShardIndex, Path: path,
		Detail: fmt.Sprintf("an index of %d bytes, at most %d are read", len(x.text), maxIndex),
	}
}

// fillSet puts the digest of the set into the text.
func (x *indexText) fillSet(digest string) { copy(x.text[x.setAt:], digest) }

// appendPythonString appends s as Python's json spells it: as appendString does, and
// escapes all that is not printable ASCII. s is UTF-8.
func appendPythonString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r < 0x7f:
			inner := appendString(b[len(b):], string(r))
			b = append(b, inner[1:len(inner)-1]...)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		}
	}
	return append(b, '"')
}
