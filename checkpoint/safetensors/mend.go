package safetensors

// This file reads headers that Repair can mend: it says what it has found wrong, and
// refuses what could only be guessed.

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

// mendHeader reads the header of src as if it were right. The header's text stays as
// long as it is, so that positions in errors are those of the file.
func mendHeader(src *source, found *findings) (*header, error) {
	text, err := readText(src, 0)
	if err != nil {
		return nil, err
	}
	blankPadding(text, found)
	blankEarlyEnd(text, found)
	h, err := parseHeader(text, true)
	if err != nil {
		return nil, err
	}
	h.sort()
	g := gaps{h: h, found: found}
	found.section()
	h.forgiven(found, g.lose)
	found.section()
	err = g.check(src.size)
	found.section()
	return h, err
}

// blankPadding replaces what some writers pad headers with, where JSON has only white
// space, by spaces.
func blankPadding(text []byte, found *findings) {
	front, back := 0, len(text)
	for front < back {
		r, n := utf8.DecodeRune(text[front:])
		if !isPadding(r, n, text[front]) {
			break
		}
		front += n
	}
	for front < back {
		r, n := utf8.DecodeLastRune(text[:back])
		if !isPadding(r, n, text[back-1]) {
			break
		}
		back -= n
	}
	blank(text, 0, front, "before", found)
	blank(text, back, len(text), "behind", found)
}

// isPadding reports whether a rune of n bytes is white space of Unicode, a control
// character or a byte order mark; or, where it is none, the byte that stands there a
// no-break space of Latin-1.
func isPadding(r rune, n int, raw byte) bool {
	if r == utf8.RuneError && n == 1 {
		return raw == 0xa0
	}
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff'
}

// blank replaces bytes of padding by spaces, and tells of those that are not JSON's
// white space.
func blank(text []byte, begin, end int, side string, found *findings) {
	odd := func(r rune) bool { return r == utf8.RuneError || r != ' ' && r != '\t' && r != '\n' && r != '\r' }
	pad := text[begin:end]
	first := bytes.IndexFunc(pad, odd)
	if first < 0 {
		return
	}
	last := bytes.LastIndexFunc(pad, odd)
	_, n := utf8.DecodeRune(pad[last:])
	kind := ErrHeaderJSON
	if !utf8.Valid(pad) {
		kind = ErrHeaderUTF8
	}
	found.add(func() *FormatError {
		return &FormatError{
			Kind: kind, Begin: lengthBytes + int64(begin+first), End: lengthBytes + int64(begin+last+n),
			Detail: fmt.Sprintf("%q %s the object, which is no white space of JSON: taken out", clip(pad[first:last+n]), side),
		}
	})
	copy(pad, bytes.Repeat([]byte{' '}, len(pad)))
}

// blankEarlyEnd mends what the reference writes for metadata without tensors: it has
// closed the object before it gets to the metadata. (Old versions do so always, those
// since only if the metadata is empty.)
func blankEarlyEnd(text []byte, found *findings) {
	const early = `{},"` + metadataName + `":`
	begin := len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
	if !bytes.HasPrefix(text[begin:], []byte(early)) {
		return
	}
	copy(text[begin:], "{  ")
	found.add(func() *FormatError {
		at := lengthBytes + int64(begin)
		return &FormatError{
			Kind: ErrHeaderJSON, Field: metadataName, Begin: at, End: at + int64(len(early)),
			Detail: "the object ends before its metadata, which is taken into it",
		}
	})
}

// A gaps finds the bytes between tensors that only tensors had that do not count any
// more.
type gaps struct {
	h     *header
	found *findings
	lost  []entry // by their begin, of those that are left
}

// lose takes an entry that another one of its name has replaced. One that was wrong
// itself explains nothing.
func (g *gaps) lose(e entry) {
	if e.fault == noFault {
		g.lost = append(g.lost, e)
	}
}

// check is header.check for a file that may have gaps, and bytes behind the last tensor,
// of which behind tells.
func (g *gaps) check(size int64) error {
	slices.SortFunc(g.lost, func(a, b entry) int { return cmp.Compare(a.begin, b.begin) })
	var end uint64
	for i := range g.h.entries {
		e := &g.h.entries[i]
		if e.begin > end && g.explained(end, e.begin) {
			end = e.begin
		}
		if err := g.h.checkEntry(e, end); err != nil {
			return err
		}
		end = e.end
	}
	if data := uint64(size - g.h.dataStart()); end > data {
		return g.h.incomplete(end, data)
	}
	return nil
}

// explained reports whether lost tensors that lie between begin and end cover all of
// that, and tells of it. Calls come in the order of the file.
func (g *gaps) explained(begin, end uint64) bool {
	at, name := begin, ref{}
	for ; len(g.lost) > 0 && g.lost[0].begin < end; g.lost = g.lost[1:] {
		e := g.lost[0]
		if begin <= e.begin && e.begin <= at && at < e.end && e.end <= end {
			if at == begin {
				name = e.name
			}
			at = e.end
		}
	}
	if at < end {
		return false
	}
	g.found.add(func() *FormatError {
		return &FormatError{
			Kind: ErrOffset, Tensor: string(g.h.bytes(name)), Begin: g.h.absolute(begin), End: g.h.absolute(end),
			Detail: "only tensors had these bytes whose names stand again in the header: taken out",
		}
	})
	return true
}

// behind tells of bytes behind the last tensor.
func (h *header) behind(size int64, found *findings) {
	end := uint64(0)
	if n := len(h.entries); n > 0 {
		end = h.entries[n-1].end
	}
	if data := uint64(size - h.dataStart()); end < data {
		found.add(func() *FormatError {
			f := h.incomplete(end, data)
			f.Detail += ": what is behind them is taken out"
			return f
		})
	}
}
