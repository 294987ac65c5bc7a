package safetensors

// This file reads JSON tokens as serde_json, the reference's parser, reads
// them. encoding/json is no use here: it takes invalid UTF-8, lone surrogates,
// duplicate keys and fields in the wrong case, and allocates for every token.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A ref is a string of the header: a range of its text where the string holds
// no escape, else of the arena of unescaped strings.
type ref struct {
	off uint32
	len uint32 // the top bit marks the arena
}

const inArena = 1 << 31

// A scanner walks the header's text. Errors are *FormatError with the position
// in the file.
type scanner struct {
	text  []byte
	pos   int
	depth int
	arena []byte
	high  uint64 // not ASCII where any byte of it is not: all strings so far, ored
}

// ascii reports whether all strings so far are.
func (s *scanner) ascii() bool { return s.high&0x8080808080808080 == 0 }

// bytes returns what r stands for. It is valid for as long as the header is.
func (s *scanner) bytes(r ref) []byte {
	src := s.text
	if r.len&inArena != 0 {
		src = s.arena
	}
	return src[r.off:][: r.len&^inArena : r.len&^inArena]
}

// fail reports a fault of the JSON at the current position.
func (s *scanner) fail(format string, args ...any) error {
	return s.failAt(s.pos, ErrHeaderJSON, format, args...)
}

func (s *scanner) failAt(pos int, kind ErrorKind, format string, args ...any) error {
	begin := int64(lengthBytes + min(pos, len(s.text)))
	return &FormatError{Kind: kind, Begin: begin, End: begin + 1, Detail: fmt.Sprintf(format, args...)}
}

// unexpected is the error for a byte that cannot stand where it does.
func (s *scanner) unexpected(want string) error {
	if s.pos >= len(s.text) {
		return s.fail("the header ends where %s should be", want)
	}
	return s.fail("found %q, want %s", s.text[s.pos], want)
}

// peek skips white space and returns the next byte, 0 at the end. (A NUL byte
// in the text is refused by whoever looks at it: no token begins with one.)
func (s *scanner) peek() byte {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		s.pos++
	}
	return 0
}

// expect takes the byte c, after white space.
func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.unexpected(strconv.QuoteRune(rune(c)))
	}
	s.pos++
	return nil
}

// An items walks an object or an array: each call of next stands where an item
// begins, until the closing bracket is taken or err is set.
//
//	it := s.items('[', ']')
//	for it.next() {
//		// take one item
//	}
//	return it.err
type items struct {
	s       *scanner
	err     error
	closing byte
	begun   bool
}

// items takes an opening bracket.
func (s *scanner) items(opening, closing byte) items {
	it := items{s: s, closing: closing}
	if it.err = s.expect(opening); it.err != nil {
		return it
	}
	if s.depth++; s.depth > maxDepth {
		it.err = s.fail("nested more than %d deep", maxDepth)
	}
	return it
}

// next takes what stands between two items and reports whether one follows.
func (it *items) next() bool {
	if it.err != nil {
		return false
	}
	c, first := it.s.peek(), !it.begun
	it.begun = true
	switch {
	case c == it.closing:
		it.s.pos++
		it.s.depth--
		return false
	case first:
		return true
	case c == ',':
		it.s.pos++
		return true
	}
	it.err = it.s.unexpected(fmt.Sprintf("',' or %q", it.closing))
	return false
}

// key takes an object's key and the colon behind it.
func (s *scanner) key() (ref, error) {
	k, err := s.str()
	if err != nil {
		return k, err
	}
	return k, s.expect(':')
}

// str takes a string.
func (s *scanner) str() (ref, error) {
	if err := s.expect('"'); err != nil {
		return ref{}, err
	}
	begin := s.pos
	s.pos = s.plain(begin)
	switch {
	case s.pos == len(s.text):
		return ref{}, s.unexpected("the end of a string")
	case s.text[s.pos] == '\\':
		return s.escaped(begin)
	case s.text[s.pos] != '"':
		return ref{}, s.unexpected("no control character in a string")
	}
	s.pos++
	return ref{uint32(begin), uint32(s.pos - 1 - begin)}, nil
}

// plain returns where the plain bytes of a string that begin at pos end: at a
// quote, a backslash, a control character or the end of the text. Bytes that
// begin at 0x80 are plain, and noted.
func (s *scanner) plain(pos int) int {
	const each = 0x0101010101010101
	text, high := s.text, s.high
	for ; len(text)-pos >= 8; pos += 8 {
		w := binary.LittleEndian.Uint64(text[pos:])
		// Of bytes below 0x80, the top bit becomes that of a quote or a control
		// character (c^2 is below '!') and of a backslash. Bytes behind the first
		// such byte may have it by mistake, through a borrow.
		stop := (((w ^ each*2) - each*'!') | ((w ^ each*'\\') - each)) &^ w & (each * 0x80)
		if stop != 0 {
			n := bits.TrailingZeros64(stop) / 8
			s.high = high | w&(1<<(8*n)-1)
			return pos + n
		}
		high |= w
	}
	for ; pos < len(text) && text[pos] != '"' && text[pos] != '\\' && text[pos] >= ' '; pos++ {
		high |= uint64(text[pos])
	}
	s.high = high
	return pos
}

// escaped takes the rest of a string that began at begin and holds an escape at
// the current position, and unescapes it into the arena. (Never in place: the
// text is still to be scanned and checked as it stands.)
func (s *scanner) escaped(begin int) (ref, error) {
	if s.arena == nil {
		// One allocation that cannot be outgrown: unescaping only shortens.
		s.arena = make([]byte, 0, len(s.text)-begin)
	}
	off := len(s.arena)
	for from := begin; ; from = s.pos {
		s.pos = s.plain(s.pos)
		s.arena = append(s.arena, s.text[from:s.pos]...)
		switch {
		case s.pos == len(s.text):
			return ref{}, s.unexpected("the end of a string")
		case s.text[s.pos] == '"':
			s.pos++
			return ref{uint32(off), uint32(len(s.arena)-off) | inArena}, nil
		case s.text[s.pos] != '\\':
			return ref{}, s.unexpected("no control character in a string")
		}
		r, err := s.escape()
		if err != nil {
			return ref{}, err
		}
		s.arena = utf8.AppendRune(s.arena, r)
	}
}

// escape takes one escape sequence, or two that are a surrogate pair.
func (s *scanner) escape() (rune, error) {
	if s.pos++; s.pos >= len(s.text) {
		return 0, s.unexpected("an escape")
	}
	if s.text[s.pos] == 'u' {
		return s.unicodeEscape()
	}
	const letters, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	i := bytes.IndexByte([]byte(letters), s.text[s.pos])
	if i < 0 {
		return 0, s.unexpected(`an escape: one of "\/bfnrtu`)
	}
	s.pos++
	return rune(meant[i]), nil
}

func (s *scanner) unicodeEscape() (rune, error) {
	begin := s.pos - 1
	r, err := s.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if bytes.HasPrefix(s.text[s.pos:], []byte(`\u`)) {
		s.pos++
		low, err := s.hex4()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, nil
		}
	}
	return 0, s.failAt(begin, ErrHeaderJSON, "half a surrogate pair")
}

// hex4 takes the u and four digits behind it.
func (s *scanner) hex4() (rune, error) {
	var r rune
	for range 4 {
		if s.pos++; s.pos >= len(s.text) {
			return 0, s.unexpected("four hex digits")
		}
		d, ok := hexDigit(s.text[s.pos])
		if !ok {
			return 0, s.unexpected("four hex digits")
		}
		r = r<<4 | rune(d)
	}
	s.pos++
	return r, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// skip takes one value of any kind and checks it.
func (s *scanner) skip() error {
	switch s.peek() {
	case '{':
		it := s.items('{', '}')
		for it.next() {
			if _, err := s.key(); err != nil {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
		return it.err
	case '[':
		it := s.items('[', ']')
		for it.next() {
			if err := s.skip(); err != nil {
				return err
			}
		}
		return it.err
	case '"':
		_, err := s.str()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.text[s.pos:], []byte(word)) {
		return s.unexpected("a value")
	}
	s.pos += len(word)
	return nil
}

// pairs takes an object of strings and calls f with each pair.
func (s *scanner) pairs(f func(k, v ref) error) error {
	it := s.items('{', '}')
	for it.next() {
		k, err := s.key()
		if err != nil {
			return err
		}
		v, err := s.str()
		if err != nil {
			return err
		}
		if err := f(k, v); err != nil {
			return err
		}
	}
	return it.err
}

// dims takes a list of non-negative integers and calls f with each.
func (s *scanner) dims(f func(uint64)) error {
	it := s.items('[', ']')
	for it.next() {
		n, err := s.uint()
		if err != nil {
			return err
		}
		f(n)
	}
	return it.err
}
