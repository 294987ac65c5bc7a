package safetensors

// This file decides where every tensor's bytes go and what the header says. It
// does no I/O: the same tensors and metadata give the same bytes on every
// machine, which lets the golden tests compare whole files.

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// A layout is a file before its data: the header, and where what follows goes.
type layout struct {
	specs []Spec
	names map[string]int // name to index in specs
	order []int          // specs in file order
	sizes []int64        // of the data, by spec, in bytes

	// header is length, text and padding. Until fill, the digits of the checksums
	// that are to be made are zeros; slots says where they begin, by spec, 0 for
	// a tensor that gets none. Without any, slots is nil.
	header []byte
	slots  []int
	setAt  int // where the digest of a set begins in header, 0 where the metadata has none

	begins []int64 // of the data, by spec, counted from the start of the data
	size   int64   // of the whole file
}

// newLayout checks specs, which it keeps, and lays them out: the widest dtypes first,
// so that data is aligned for its type, and by name (as bytes) within a dtype. The
// header gets room for the checksums of those that summed selects; nil selects none.
func newLayout(specs []Spec, o WriteOptions, summed func(i int) bool) (*layout, error) {
	n := len(specs)
	l := &layout{specs: specs, names: make(map[string]int, n), order: make([]int, n), sizes: make([]int64, n), begins: make([]int64, n)}
	for i := range specs {
		if err := l.admit(i); err != nil {
			return nil, err
		}
		l.order[i] = i
	}
	slices.SortFunc(l.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(specs[b].DType, specs[a].DType), cmp.Compare(specs[a].Name, specs[b].Name))
	})
	for _, i := range l.order {
		name := specs[i].Name
		if _, dup := l.names[name]; dup {
			return nil, errTwice(name)
		}
		l.names[name] = i
	}
	metadata := o.Metadata
	if summed != nil {
		metadata = l.withSlots(metadata, summed)
	}
	return l, l.writeHeader(metadata, o.Align)
}

func errTwice(name string) error {
	return &FormatError{Kind: ErrDuplicate, Tensor: name, Detail: "two tensors of that name"}
}

// layoutOf lays out specs, which it keeps, with the checksums of all or of none.
func layoutOf(specs []Spec, o WriteOptions) (*layout, error) {
	var summed func(int) bool
	if o.Checksums {
		summed = func(int) bool { return true }
	}
	return newLayout(specs, o, summed)
}

// layoutOfSources lays out src, whose data must fit.
func layoutOfSources(src []Source, o WriteOptions) (*layout, error) {
	l, err := layoutOf(SpecsOf(src), o)
	if err != nil {
		return nil, err
	}
	return l, l.fitAll(0, src)
}

// fitAll refuses sources, of the specs from first on, whose data in hand has the wrong
// length.
func (l *layout) fitAll(first int, src []Source) error {
	for i := range src {
		if src[i].inHand() {
			if err := l.fit(first+i, int64(len(src[i].Data))); err != nil {
				return err
			}
		}
	}
	return nil
}

// fit refuses so many bytes of data where the tensor takes more or fewer.
func (l *layout) fit(i int, data int64) error {
	if data == l.sizes[i] {
		return nil
	}
	s := l.specs[i]
	return refuse(s, ErrSize, "%d bytes of data, shape %v of %s takes %d", data, s.Shape, s.DType, l.sizes[i])
}

// admit takes the size of a tensor that could be read back.
func (l *layout) admit(i int) (err error) {
	l.sizes[i], err = l.specs[i].size()
	return err
}

// size is how many bytes of data the tensor takes. One that could not be read back is an
// error.
func (s Spec) size() (int64, error) {
	size, kind := sizeBytes(s.DType, s.Shape)
	switch {
	case s.Name == metadataName:
		return 0, refuse(s, ErrReserved, "the name is the metadata's own")
	case !utf8.ValidString(s.Name):
		return 0, refuse(s, ErrHeaderUTF8, "the name is not UTF-8")
	case !s.DType.valid():
		return 0, refuse(s, ErrHeaderJSON, "no dtype")
	case kind != "":
		return 0, refuse(s, kind, "shape %v of %s", s.Shape, s.DType)
	}
	return size, nil
}

func refuse(s Spec, kind ErrorKind, format string, args ...any) error {
	return &FormatError{Kind: kind, Tensor: s.Name, Detail: fmt.Sprintf(format, args...)}
}

// at is where the data of a tensor begins, counted from the start of the file.
func (l *layout) at(i int) int64 { return int64(len(l.header)) + l.begins[i] }

// writeHeader fills header, slots, begins and size.
func (l *layout) writeHeader(metadata map[string]string, align int) error {
	b := append(make([]byte, lengthBytes, 256+len(l.specs)*96), '{')
	if metadata != nil {
		var err error
		if b, err = l.appendMetadata(b, metadata); err != nil {
			return err
		}
	}
	offset := int64(0)
	for _, i := range l.order {
		end := offset + l.sizes[i]
		if end < offset || end > math.MaxInt64-maxHeader-lengthBytes {
			return refuse(l.specs[i], ErrOverflow, "the file would be longer than 2^63 bytes")
		}
		b = appendEntry(b, &l.specs[i], offset, end)
		l.begins[i], offset = offset, end
	}
	b = append(b, '}')
	b = append(b, bytes.Repeat([]byte{' '}, -len(b)&(align-1))...)
	n := len(b) - lengthBytes
	if n > maxHeader {
		return &FormatError{Kind: ErrHeaderTooLarge, Detail: fmt.Sprintf("a header of %d bytes, at most %d are legal", n, maxHeader)}
	}
	binary.LittleEndian.PutUint64(b, uint64(n))
	l.header, l.size = b, int64(len(b))+offset
	return nil
}

// appendMetadata appends the metadata, its keys sorted. (The reference writes
// them in the order of a hash table, another one at each run.)
func (l *layout) appendMetadata(b []byte, metadata map[string]string) ([]byte, error) {
	b = append(appendString(b, metadataName), ':', '{')
	for i, key := range slices.Sorted(maps.Keys(metadata)) {
		if err := checkText(key, metadata[key]); err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, key), ':')
		if i, ok := l.slotOf(key); ok {
			l.slots[i] = len(b) + 1 // behind the quote
		}
		if key == metakey.Set {
			l.setAt = len(b) + 1
		}
		b = appendString(b, metadata[key])
	}
	return append(b, '}'), nil
}

// checkText refuses metadata that JSON cannot hold.
func checkText(key, value string) error {
	if utf8.ValidString(key) && utf8.ValidString(value) {
		return nil
	}
	return &FormatError{Kind: ErrHeaderUTF8, Field: key, Detail: fmt.Sprintf("metadata that is not UTF-8: %q", value)}
}

func appendEntry(b []byte, s *Spec, begin, end int64) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(appendString(b, s.Name), `:{"dtype":"`...)
	b = append(append(b, s.DType.String()...), `","shape":`...)
	b = appendShape(b, s.Shape)
	b = strconv.AppendInt(append(b, `,"data_offsets":[`...), begin, 10)
	b = strconv.AppendInt(append(b, ','), end, 10)
	return append(b, `]}`...)
}

func appendShape(b []byte, shape []int) []byte {
	b = append(b, '[')
	for i, dim := range shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(dim), 10)
	}
	return append(b, ']')
}

// appendString appends s as serde_json spells it. encoding/json escapes more.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			if c < ' ' {
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}
