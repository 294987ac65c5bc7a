package safetensors

// This file is one file of tensors: its bytes and its header. A File has one, or
// as many as an index names.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// A shard is one file of a File.
type shard struct {
	file *File // whose lock guards src
	src  *source
	h    *header

	decode sync.Once
	pairs  map[string]string // the metadata, once decoded
}

// newShard reads the header of src. It owns src, also when it fails.
func newShard(src *source, o OpenOptions) (*shard, error) {
	h, err := readHeader(src, o)
	if err != nil {
		if f, ok := err.(*FormatError); ok {
			f.Path = src.path
		}
		return nil, errors.Join(err, src.close())
	}
	return &shard{src: src, h: h}, nil
}

// readHeader reads, parses and checks the header of src.
func readHeader(src *source, o OpenOptions) (*header, error) {
	text, err := readText(src, o.MaxHeader)
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(text, o.Lenient)
	if err != nil {
		return nil, err
	}
	return h, h.check(src.size)
}

// readText reads the text of the header of src, of at most so many bytes, 0 for all
// that are legal. It reads into memory of our own, also from a mapping: the text must
// not change while it is parsed.
func readText(src *source, most int64) ([]byte, error) {
	if src.size < lengthBytes {
		return nil, &FormatError{
			Kind: ErrHeaderTooSmall, End: src.size,
			Detail: fmt.Sprintf("the file has %d bytes, its header's length alone takes %d", src.size, lengthBytes),
		}
	}
	if err := src.fill(src.head[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(src.head[:])
	if kind, detail := checkLength(n, src.size, most); kind != "" {
		return nil, &FormatError{Kind: kind, End: lengthBytes, Detail: detail}
	}
	text := make([]byte, n)
	return text, src.fill(text, lengthBytes)
}

// checkLength checks a header's length n against the file's, against the format
// and against most, which the caller allows; 0 for all that is legal.
func checkLength(n uint64, size, most int64) (kind ErrorKind, detail string) {
	switch {
	case n > maxHeader:
		return ErrHeaderTooLarge, fmt.Sprintf("a header of %d bytes, at most %d are legal", n, maxHeader)
	case most > 0 && n > uint64(most):
		return ErrHeaderTooLarge, fmt.Sprintf("a header of %d bytes, at most %d are wanted (MaxHeader)", n, most)
	case int64(n) > size-lengthBytes:
		return ErrHeaderLength, fmt.Sprintf("a header of %d bytes in a file of %d", n, size)
	}
	return "", ""
}

// tensor is the handle of e, one of the header's entries.
func (s *shard) tensor(e *entry) Tensor { return Tensor{f: s, e: e} }

// metadata is that of this shard, nil where it has none.
func (s *shard) metadata() map[string]string {
	s.decode.Do(func() {
		if s.h.meta >= 0 {
			s.pairs = s.decodeMetadata()
		}
	})
	return s.pairs
}

func (s *shard) decodeMetadata() map[string]string {
	m := map[string]string{}
	s.h.eachPair(nil, func(key, value []byte) { m[string(key)] = string(value) })
	return m
}

// metadataValue returns one value of the metadata, without decoding the rest. It
// is for the time of opening: strings with escapes pass through h's arena.
func (h *header) metadataValue(wanted string) (value string, ok bool) {
	h.eachPair(h.arena, func(k, v []byte) {
		if string(k) == wanted {
			value, ok = string(v), true
		}
	})
	return value, ok
}

// eachPair calls f with the pairs of the metadata as they stand, a repeated key again
// and again. key and value are valid until f returns. What is unescaped goes behind the
// arena, which only one goroutine may lend; without one, into memory of its own.
func (h *header) eachPair(arena []byte, f func(key, value []byte)) {
	if h.meta < 0 {
		return
	}
	text := scanner{text: h.text, pos: h.meta, arena: arena}
	err := text.pairs(func(k, v ref) error {
		f(text.bytes(k), text.bytes(v))
		text.arena = text.arena[:len(arena)]
		return nil
	})
	if err != nil {
		panic("safetensors: metadata that was parsed before: " + err.Error())
	}
}

// reading takes the lock for a read and returns its release.
func (s *shard) reading() (func(), error) {
	s.file.mu.RLock()
	if s.file.closed {
		s.file.mu.RUnlock()
		return nil, fmt.Errorf("safetensors: %s%w", s.src.where(), ErrClosed)
	}
	return s.file.mu.RUnlock, nil
}

// check reports whether the shard is mapped and was made shorter since.
func (s *shard) check() error {
	release, err := s.reading()
	if err != nil {
		return err
	}
	defer release()
	if s.src.mapped == nil {
		return nil
	}
	if err := s.src.mapped.Check(s.src.size); err != nil {
		return fmt.Errorf("safetensors: %s%w", s.src.where(), err)
	}
	return nil
}
