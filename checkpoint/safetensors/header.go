package safetensors

// This file turns the header's text into an index: the grammar of the header.
// What the ranges must satisfy together is in check.go.

import (
	"bytes"
	"fmt"
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
	maps    int // dtypes that were objects
}

// parseHeader reads the text of a header, which it keeps. Nothing is checked
// against the rest of the file.
func parseHeader(text []byte, lenient bool) (*header, error) {
	h := &header{scanner: scanner{text: text}, lenient: lenient, meta: -1}
	err := h.reserve()
	if err == nil {
		err = h.root()
	}
	// What is not ASCII in a header that could be parsed lies in its strings, and
	// was noted there. In one that could not, it is the first thing to report.
	if (err != nil || !h.ascii()) && !utf8.Valid(text) {
		at := invalidUTF8(text)
		err = h.failAt(at, ErrHeaderUTF8, "byte %#02x is not UTF-8", text[at])
	}
	if err != nil {
		return nil, err
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
// two lists, its shape and its range; where there are more of them than entries of
// the format's own form can have, some may be in the lenient reader's short form.
func (h *header) reserve() (err error) {
	n, most := bytes.Count(h.text, []byte{'['})/2, len(h.text)/minEntry
	if h.lenient && n > most {
		if n, err = h.count(); err != nil {
			return err
		}
		most = n
	}
	n = min(n, most)
	h.entries = make([]entry, 0, n)
	h.names = newTable(n, n)
	return nil
}

// root takes the whole text.
func (h *header) root() error {
	it := h.items('{', '}')
	for it.next() {
		if err := h.member(); err != nil {
			return err
		}
	}
	if it.err != nil {
		return it.err
	}
	if h.peek(); h.pos < len(h.text) {
		return h.unexpected("nothing but white space behind the object")
	}
	return nil
}

func (h *header) member() error {
	var e entry
	if h.canonical(&e) {
		return h.file(&e)
	}
	return h.general()
}

// general takes a member of any spelling.
func (h *header) general() error {
	key, err := h.key()
	if err != nil {
		return err
	}
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
	return h.uniqueKeys(pairs, func(key ref, _ uint32) error { return h.duplicate("", string(h.bytes(key))) })
}

// uniqueKeys walks the metadata, of n pairs, a second time: with their number
// known the table is made once. It files keys by where they stand, because a
// list of them could outgrow the text, whose shortest pair has six bytes. It calls
// again with each key that stood before, and where it stands.
func (h *header) uniqueKeys(n int, again func(key ref, at uint32) error) error {
	end, arena := h.pos, len(h.arena)
	h.pos = h.meta
	seen := newTable(n, len(h.text))
	it := h.items('{', '}')
	for it.next() {
		h.peek()
		at := uint32(h.pos)
		k, err := h.key()
		if err != nil {
			return err
		}
		if _, dup := seen.add(h.bytes(k), at, h.stringAt); dup {
			if err := again(k, at); err != nil {
				return err
			}
		}
		if _, err := h.str(); err != nil {
			return err
		}
		h.arena = h.arena[:arena]
	}
	h.pos = end
	return it.err
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
	return h.file(&e)
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
func (h *header) file(e *entry) error {
	i, dup := h.names.add(h.bytes(e.name), uint32(len(h.entries)), h.nameOf)
	switch {
	case dup && h.lenient:
		h.entries[i] = *e
	case dup:
		return h.duplicate(string(h.bytes(e.name)), "")
	default:
		h.entries = append(h.entries, *e)
	}
	return nil
}

func (h *header) nameOf(i uint32) []byte { return h.bytes(h.entries[i].name) }

// lookup returns the place of a tensor in entries.
func (h *header) lookup(name string) (uint32, bool) {
	return h.names.lookup(name, h.nameOf)
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
	it := h.items('{', '}')
	for it.next() {
		if err := h.field(e, &seen, &size); err != nil {
			return err
		}
	}
	if it.err != nil {
		return it.err
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
	e.fault = size.fault(e)
	return nil
}

// fault compares the range of e with its dtype and its shape, which is s.
func (s sizer) fault(e *entry) fault {
	n, kind := s.bytes(e.dtype)
	switch {
	case kind == ErrOverflow:
		return overflowFault
	case kind == ErrMisaligned:
		return misalignedFault
	case e.end-e.begin != n:
		return sizeFault
	}
	return noFault
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
	d := dtypeOf(h.bytes(name))
	if !d.valid() {
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
