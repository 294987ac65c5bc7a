package safetensors

// This file turns the header's text into an index: the grammar of the header.
// What the ranges must satisfy together is in check.go.

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"unicode/utf8"
)

// An entry is one tensor of a header. It holds no pointer and 32 bytes, which
// is less than the header spends on a tensor: a hostile header cannot make the
// index much larger than itself. Dims stay text until they are asked for.
type entry struct {
	begin, end uint64 // as stored: counted from the start of the data
	name       ref
	shape      uint32 // where the shape's '[' stands in the text
	dtype      DType
	fault      fault
}

// A fault is what is wrong between an entry's dtype, shape and range. It is
// found while parsing and reported by check, because the reference reports
// faults in file order and an earlier tensor's offset goes first.
type fault uint8

const (
	noFault fault = iota
	sizeFault
	overflowFault
	misalignedFault
)

// A header is the parsed header of one file. It is immutable once parsed.
type header struct {
	scanner
	lenient bool
	entries []entry // as the header lists them; check puts them in file order
	names   table   // of entries
	meta    int     // where the metadata's '{' stands in the text; -1 without metadata
	metaKey bool
}

// parseHeader reads the text of a header, which it keeps. Nothing is checked
// against the rest of the file.
func parseHeader(text []byte, lenient bool) (*header, error) {
	h := &header{scanner: scanner{text: text}, lenient: lenient, meta: -1}
	if !utf8.Valid(text) {
		at := invalidUTF8(text)
		return nil, h.failAt(at, ErrHeaderUTF8, "byte %#02x is not UTF-8", text[at])
	}
	if err := h.reserve(); err != nil {
		return nil, err
	}
	if err := h.root(h.member); err != nil {
		return nil, err
	}
	if h.peek(); h.pos < len(text) {
		return nil, h.unexpected("nothing but white space behind the object")
	}
	return h, nil
}

// invalidUTF8 is the position of the first byte that is not UTF-8.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(text) - 1
}

// reserve makes room for as many entries as the text can hold. Every entry has
// two arrays: its shape and its range.
func (h *header) reserve() (err error) {
	n := min(bytes.Count(h.text, []byte{'['})/2, len(h.text)/minEntry)
	if h.lenient {
		if n, err = h.count(); err != nil {
			return err
		}
	}
	h.entries = make([]entry, 0, n)
	h.names = newTable(n)
	return nil
}

// root takes the whole object, calling member behind each key.
func (h *header) root(member func(key ref) error) error {
	return h.items('{', '}', func() error {
		key, err := h.key()
		if err != nil {
			return err
		}
		return member(key)
	})
}

func (h *header) member(key ref) error {
	if string(h.bytes(key)) == metadataName {
		return h.metadata()
	}
	return h.tensor(key)
}

// metadata takes the value of __metadata__ and checks it; it is decoded when it
// is asked for.
func (h *header) metadata() error {
	if h.metaKey {
		return h.duplicate("", metadataName)
	}
	h.metaKey = true
	if h.peek() == 'n' {
		return h.literal("null")
	}
	h.meta = h.pos
	pairs, arena := 0, len(h.arena)
	if err := h.pairs(func(_, _ ref) error {
		pairs++
		h.arena = h.arena[:arena]
		return nil
	}); err != nil || h.lenient {
		return err
	}
	return h.uniqueKeys(pairs)
}

// uniqueKeys walks the metadata, of n pairs, a second time: with their number
// known the table is made once. It files keys by where they stand, because a
// list of them could outgrow the text, whose shortest pair has six bytes.
func (h *header) uniqueKeys(n int) error {
	end, arena := h.pos, len(h.arena)
	h.pos = h.meta
	seen := newTable(n)
	err := h.items('{', '}', func() error {
		h.peek()
		at := uint32(h.pos)
		k, err := h.key()
		if err != nil {
			return err
		}
		if _, dup := seen.add(h.bytes(k), at, h.stringAt); dup {
			return h.duplicate("", string(h.bytes(k)))
		}
		_, err = h.str()
		h.arena = h.arena[:arena]
		return err
	})
	h.pos = end
	return err
}

// stringAt returns the string that begins at pos. If it holds an escape, it is
// valid until the next string is scanned.
func (h *header) stringAt(pos uint32) []byte {
	s := h.scanner
	s.pos = int(pos)
	r, err := s.str()
	if err != nil {
		panic("safetensors: a string that was parsed before: " + err.Error())
	}
	return s.bytes(r)
}

func (h *header) duplicate(tensor, field string) error {
	return &FormatError{
		Kind: ErrDuplicate, Tensor: tensor, Field: field,
		Begin: lengthBytes, End: lengthBytes + int64(len(h.text)),
		Detail: fmt.Sprintf("stands twice in the header, again before byte %d", lengthBytes+h.pos),
	}
}

// tensor takes one tensor's entry and files it under its name.
func (h *header) tensor(name ref) error {
	e := entry{name: name}
	var err error
	if h.lenient && h.peek() == '[' {
		err = h.array(&e)
	} else {
		err = h.object(&e)
	}
	if err != nil {
		return h.in(name, err)
	}
	return h.file(e)
}

// in adds the tensor's name to an error of its entry.
func (h *header) in(name ref, err error) error {
	if f, ok := err.(*FormatError); ok && f.Tensor == "" {
		f.Tensor = string(h.bytes(name))
	}
	return err
}

// file adds a parsed entry. Of two with one name the lenient reader keeps the
// last, in the place of the first.
func (h *header) file(e entry) error {
	i, dup := h.names.add(h.bytes(e.name), uint32(len(h.entries)), h.nameOf)
	switch {
	case dup && h.lenient:
		h.entries[i] = e
	case dup:
		return h.duplicate(string(h.bytes(e.name)), "")
	default:
		h.entries = append(h.entries, e)
	}
	return nil
}

func (h *header) nameOf(i uint32) []byte { return h.bytes(h.entries[i].name) }

// lookup returns the place of a tensor in entries.
func (h *header) lookup(name string) (uint32, bool) {
	return h.names.find(maphash.String(h.names.seed, name), []byte(name), h.nameOf)
}

// The fields of an entry, as bits of the set of those seen.
const (
	dtypeField = 1 << iota
	shapeField
	offsetsField
	allFields = dtypeField | shapeField | offsetsField
)

var fieldNames = map[int]string{dtypeField: "dtype", shapeField: "shape", offsetsField: "data_offsets"}

// object takes an entry in the format's own form, with its fields in any order.
// Fields of other names are checked and passed over.
func (h *header) object(e *entry) error {
	size := newSizer()
	seen := 0
	if err := h.items('{', '}', func() error { return h.field(e, &seen, &size) }); err != nil {
		return err
	}
	return h.complete(e, seen, size)
}

// field takes one field of an entry.
func (h *header) field(e *entry, seen *int, size *sizer) error {
	key, err := h.key()
	if err != nil {
		return err
	}
	var bit int
	switch string(h.bytes(key)) {
	case "dtype":
		bit = dtypeField
	case "shape":
		bit = shapeField
	case "data_offsets":
		bit = offsetsField
	default:
		return h.skip()
	}
	if *seen&bit != 0 {
		return h.duplicate("", fieldNames[bit])
	}
	*seen |= bit
	return h.value(bit, e, size)
}

func (h *header) value(bit int, e *entry, size *sizer) (err error) {
	switch bit {
	case dtypeField:
		e.dtype, err = h.dtype()
	case shapeField:
		h.peek()
		e.shape = uint32(h.pos)
		err = h.dims(size.axis)
	case offsetsField:
		err = h.offsets(e)
	}
	if f, ok := err.(*FormatError); ok && f.Field == "" {
		f.Field = fieldNames[bit]
	}
	return err
}

// complete is called when an entry has been taken whole.
func (h *header) complete(e *entry, seen int, size sizer) error {
	for bit := dtypeField; bit <= offsetsField; bit <<= 1 {
		if seen&bit == 0 {
			return h.fail("the entry has no field %q", fieldNames[bit])
		}
	}
	n, kind := size.bytes(e.dtype)
	switch {
	case kind == ErrOverflow:
		e.fault = overflowFault
	case kind == ErrMisaligned:
		e.fault = misalignedFault
	case e.end-e.begin != n:
		e.fault = sizeFault
	}
	return nil
}

func (h *header) dtype() (DType, error) {
	if h.lenient && h.peek() == '{' {
		return h.dtypeMap()
	}
	return h.dtypeName()
}

func (h *header) dtypeName() (DType, error) {
	begin := h.pos
	name, err := h.str()
	if err != nil {
		return 0, err
	}
	d, ok := dtypeByName[string(h.bytes(name))]
	if !ok {
		return 0, h.failAt(begin, ErrHeaderJSON, "unknown dtype %q", clip(h.bytes(name)))
	}
	return d, nil
}

func (h *header) offsets(e *entry) error {
	begin := h.pos
	ends := [2]*uint64{&e.begin, &e.end}
	n := 0
	err := h.dims(func(v uint64) {
		if n < len(ends) {
			*ends[n] = v
		}
		n++
	})
	if err == nil && n != len(ends) {
		err = h.failAt(begin, ErrHeaderJSON, "%d offsets, want begin and end", n)
	}
	return err
}
