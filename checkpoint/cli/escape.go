package cli

// This file makes strings from files safe for terminals and for line-based
// tools. Nothing that came from a file or a path is printed without it.

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escape returns s itself if it is one visible word, else s as a Go string
// literal. Visible is what strconv.IsPrint says: it leaves out C0, C1 and DEL,
// line and paragraph separators, and every format character (category Cf), among
// them all that change the writing direction. Different strings stay different,
// since no word has a quote.
func escape(s string) string {
	if s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, endsWord) {
		return s
	}
	return strconv.Quote(s)
}

func endsWord(r rune) bool { return r == ' ' || r == '"' || !strconv.IsPrint(r) }

// oneLine is escape for messages, whose names are quoted already: spaces, quotes
// and backslashes stay, what cannot be seen becomes a Go escape.
func oneLine(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if strconv.IsPrint(r) && !(r == utf8.RuneError && n == 1) {
			b.WriteString(s[:n])
		} else {
			quoted := strconv.Quote(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// appendVisible appends JSON text with every rune that cannot be seen as \u
// escapes. From DEL upwards runes stand only inside of strings, so that this
// changes how the text is spelled and nothing else; encoding/json has escaped
// those below 32.
func appendVisible(dst, text []byte) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r < 0x7f || strconv.IsPrint(r):
			dst = append(dst, text[:n]...)
		case r <= 0xffff:
			dst = appendUnit(dst, r)
		default:
			high, low := utf16.EncodeRune(r)
			dst = appendUnit(appendUnit(dst, high), low)
		}
		text = text[n:]
	}
	return dst
}

// appendUnit appends one UTF-16 code unit as JSON spells it.
func appendUnit(dst []byte, unit rune) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[unit>>12&15], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}
