package safetensors

// This file decides where every tensor's bytes go and what the header says. It
// does no I/O: the same tensors and metadata give the same bytes on every
// machine, which lets the golden tests compare whole files.

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A Source is one tensor to be written.
type Source struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar

	// Data is the elements, row-major, little-endian, sub-byte ones packed. It
	// is read during the call and not kept.
	Data []byte
	// WriteData writes the same bytes to w, for data that is made on the way. It
	// is called where Data is nil, once a pass over the data: twice where
	// checksums are asked for.
	WriteData func(w io.Writer) error
}

// inHand reports whether Data holds the bytes, rather than WriteData.
func (s *Source) inHand() bool { return s.Data != nil || s.WriteData == nil }

// A layout is a file before its data: the header, and the order of what follows.
type layout struct {
	header []byte // length, text and padding
	order  []int  // sources in file order
	sizes  []int64
	size   int64 // of the whole file
}

// newLayout checks src and lays it out: the widest dtypes first, so that data is
// aligned for its type, and by name (as bytes) within a dtype.
func newLayout(src []Source, metadata map[string]string) (*layout, error) {
	l := &layout{order: make([]int, len(src)), sizes: make([]int64, len(src))}
	for i := range src {
		if err := l.admit(i, &src[i]); err != nil {
			return nil, err
		}
		l.order[i] = i
	}
	slices.SortFunc(l.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(src[b].DType, src[a].DType), cmp.Compare(src[a].Name, src[b].Name))
	})
	if err := l.unique(src); err != nil {
		return nil, err
	}
	return l, l.writeHeader(src, metadata)
}

// admit refuses a source that could not be read back.
func (l *layout) admit(i int, s *Source) error {
	size, kind := sizeBytes(s.DType, s.Shape)
	refuse := func(kind ErrorKind, format string, args ...any) error {
		return &FormatError{Kind: kind, Tensor: s.Name, Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case s.Name == metadataName:
		return refuse(ErrReserved, "the name is the metadata's own")
	case !utf8.ValidString(s.Name):
		return refuse(ErrHeaderUTF8, "the name is not UTF-8")
	case !s.DType.valid():
		return refuse(ErrHeaderJSON, "no dtype")
	case kind != "":
		return refuse(kind, "shape %v of %s", s.Shape, s.DType)
	case s.inHand() && int64(len(s.Data)) != size:
		return refuse(ErrSize, "%d bytes of data, shape %v of %s takes %d", len(s.Data), s.Shape, s.DType, size)
	}
	l.sizes[i] = size
	return nil
}

func (l *layout) unique(src []Source) error {
	names := make(map[string]struct{}, len(src))
	for _, i := range l.order {
		name := src[i].Name
		if _, dup := names[name]; dup {
			return &FormatError{Kind: ErrDuplicate, Tensor: name, Detail: "two tensors of that name"}
		}
		names[name] = struct{}{}
	}
	return nil
}

// writeHeader fills header and size.
func (l *layout) writeHeader(src []Source, metadata map[string]string) error {
	b := append(make([]byte, lengthBytes, 256+len(src)*96), '{')
	if metadata != nil {
		var err error
		if b, err = appendMetadata(b, metadata); err != nil {
			return err
		}
	}
	offset := int64(0)
	for _, i := range l.order {
		end := offset + l.sizes[i]
		if end < offset || end > math.MaxInt64-maxHeader-lengthBytes {
			return &FormatError{Kind: ErrOverflow, Tensor: src[i].Name, Detail: "the file would be longer than 2^63 bytes"}
		}
		b = appendEntry(b, &src[i], offset, end)
		offset = end
	}
	b = append(b, '}')
	for len(b)%dataAlign != 0 {
		b = append(b, ' ')
	}
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
func appendMetadata(b []byte, metadata map[string]string) ([]byte, error) {
	b = append(appendString(b, metadataName), ':', '{')
	for i, key := range slices.Sorted(maps.Keys(metadata)) {
		if value := metadata[key]; !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, &FormatError{Kind: ErrHeaderUTF8, Field: key, Detail: fmt.Sprintf("metadata that is not UTF-8: %q", value)}
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, key), ':')
		b = appendString(b, metadata[key])
	}
	return append(b, '}'), nil
}

func appendEntry(b []byte, s *Source, begin, end int64) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(appendString(b, s.Name), `:{"dtype":"`...)
	b = append(append(b, s.DType.String()...), `","shape":[`...)
	for i, dim := range s.Shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(dim), 10)
	}
	b = strconv.AppendInt(append(b, `],"data_offsets":[`...), begin, 10)
	b = strconv.AppendInt(append(b, ','), end, 10)
	return append(b, `]}`...)
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
