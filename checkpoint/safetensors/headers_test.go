package safetensors

// This file makes random headers, nearly right ones, for comparing readers. It
// knows the format's grammar and where readers of it disagree.

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// A headerMaker makes files from a source of chance.
type headerMaker struct{ *rand.Rand }

func newHeaderMaker(seed uint64) headerMaker {
	return headerMaker{rand.New(rand.NewPCG(seed, 0))}
}

func (m headerMaker) chance(percent int) bool { return m.IntN(100) < percent }

func pick[T any](m headerMaker, of ...T) T { return of[m.IntN(len(of))] }

// file is a right file, or one with a few edits of its header, its data or its
// framing. None is larger than a few KiB.
func (m headerMaker) file() []byte {
	text, size := m.header()
	for m.chance(45) {
		text = m.edit(text)
	}
	if m.chance(3) {
		size += pick(m, -1, 1, 8)
	}
	file := frame(text, make([]byte, max(0, size)))
	switch {
	case m.chance(1):
		n := binary.LittleEndian.Uint64(file) + pick(m, 1, 8, 1<<32, 1<<63, ^uint64(0))
		binary.LittleEndian.PutUint64(file, n)
	case m.chance(1):
		file = file[:m.IntN(len(file))]
	}
	return file
}

// header is the text of a header, and how much data its tensors take.
func (m headerMaker) header() (text string, size int) {
	var parts []string
	for range m.IntN(5) {
		entry, n := m.entry(size)
		parts = append(parts, m.name()+m.space()+":"+m.space()+entry)
		size += n
	}
	if m.chance(40) {
		parts = append(parts, m.metadataName()+":"+m.metadata())
	}
	if m.chance(40) {
		m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	if m.chance(8) && len(parts) > 0 {
		parts = append(parts, pick(m, parts...))
	}
	return m.space() + "{" + strings.Join(parts, ","+m.space()) + "}" + m.space(), size
}

func (m headerMaker) space() string {
	if m.chance(90) {
		return ""
	}
	return pick(m, " ", "\n", "\t", "\r", "  \r\n ")
}

func (m headerMaker) name() string {
	return pick(m, `"a"`, `"b"`, `"c"`, `"d"`, `"e"`, `"weight"`, `"\u0061"`, `"\u0062"`, `"we\u0069ght"`, `""`, `"é"`, `"\u00e9"`, `"\u00E9"`,
		`"😀"`, `"\ud83d\ude00"`, `"\/"`, `"/"`, `"\n"`, `"\u000a"`, `"\u0000"`, `"\\"`, `"\""`, "\"\x7f\"", "\"\u2028\"", `"data_offsets"`, `"[{"`,
		`"layers.0.attention.weight"`, `"layers.0.attention.wéight"`, `"layers.0.attention.w\u0065ight"`)
}

func (m headerMaker) metadataName() string {
	return pick(m, `"__metadata__"`, `"__metadata__"`, `"__metadata__"`, `"\u005f_metadata__"`, `"__METADATA__"`)
}

func (m headerMaker) metadata() string {
	if m.chance(10) {
		return pick(m, "null", "{}", "[]", `""`, `{"a":null}`, `{"a":1}`, `{"a":{}}`, `[["a","b"]]`)
	}
	var pairs []string
	for range m.IntN(4) {
		pairs = append(pairs, m.name()+":"+m.name())
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// entry is a tensor whose data begins at begin.
func (m headerMaker) entry(begin int) (text string, size int) {
	d := DType(1 + m.IntN(int(U64)))
	elements := 1
	var dims []string
	for range m.IntN(4) {
		dim := pick(m, 0, 1, 2, 3, 4, 8)
		dims = append(dims, fmt.Sprint(dim))
		elements *= dim
	}
	if elements*d.Bits()%8 != 0 && m.chance(95) {
		dims, elements = append(dims, "4"), elements*4
	}
	size = elements * d.Bits() / 8
	dtype := fmt.Sprintf("%q", d)
	if m.chance(3) {
		dtype = `{` + dtype + `:null}`
	}
	shape := "[" + strings.Join(dims, ",") + "]"
	offsets := fmt.Sprintf("[%d,%d]", begin, begin+size)
	if m.chance(4) {
		return "[" + dtype + "," + shape + "," + offsets + "]", size
	}
	fields := []string{`"dtype":` + dtype, `"shape":` + shape, `"data_offsets":` + offsets}
	if m.chance(15) {
		fields = append(fields, m.name()+":"+m.value(3))
	}
	if m.chance(20) {
		m.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	return "{" + strings.Join(fields, ",") + "}", size
}

// value is any value of JSON, for a field that readers pass over.
func (m headerMaker) value(depth int) string {
	switch {
	case m.chance(30):
		return m.number()
	case m.chance(5):
		n := pick(m, 100, 124, 125, 126, 127, 200)
		return strings.Repeat("[", n) + strings.Repeat("]", n)
	case depth > 0 && m.chance(30):
		return "[" + m.value(depth-1) + "," + m.value(depth-1) + "]"
	case depth > 0 && m.chance(30):
		return "{" + m.name() + ":" + m.value(depth-1) + "," + m.name() + ":" + m.value(depth-1) + "}"
	}
	return pick(m, "null", "true", "false", "{}", "[]", m.name())
}

// number is any number, near the edges of 64 bits and of float64.
func (m headerMaker) number() string {
	digits := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte('0' + byte(m.IntN(10)))
		}
		return b.String()
	}
	text := pick(m, "", "-") + pick(m, "0", "1", "9", "1"+digits(18), "1"+digits(19), "17976931348623157"+digits(m.IntN(4)), "1"+digits(m.IntN(20)), "1"+digits(300+m.IntN(20)))
	if m.chance(40) {
		text += "." + pick(m, "0", digits(1+m.IntN(25)), strings.Repeat("0", 300)+"1", "797693134862315"+digits(1+m.IntN(5)))
	}
	if m.chance(50) {
		text += pick(m, "e", "E") + pick(m, "", "+", "-") + pick(m, "0", "00", digits(1+m.IntN(3)), fmt.Sprint(280+m.IntN(40)), "2147483647", "2147483648", digits(15))
	}
	return text
}

// tokens splits JSON, also a broken one, at every byte that is not in a string
// or a number.
var tokens = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|[a-z]+|.|\n`)

// wrong are tokens that are wrong in most places, and right in some.
var wrong = []string{
	"-0", "-1", "1.0", "1e0", "01", "00", "+1", "1.", ".5", "18446744073709551615", "18446744073709551616", "9223372036854775808", "4294967296", "1e400", "0x1", "NaN",
	"null", "true", "nul", "tru", "[]", "{}", "[[]]", `""`, `"F32"`, `"U8"`, `"f32"`, `"F4"`, `"dtype"`, `"shape"`, `"data_offsets"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\x"`, `"\u12"`, `"\v"`,
	"\"\x01\"", "\"\x80\"", "\xff", "\xed\xa0\x80", "\xef\xbb\xbf", "\x00", "\f", "\u00a0", "\u2028", "/**/", "'", ",", ":", "{", "}", "[", "]", `"`, `\`, `"__metadata__"`,
}

// edit changes one place of a header.
func (m headerMaker) edit(text string) string {
	t := tokens.FindAllString(text, -1)
	if len(t) == 0 {
		return pick(m, wrong...)
	}
	i, j := m.IntN(len(t)), m.IntN(len(t))
	switch m.IntN(9) {
	case 0:
		t[i] = ""
	case 1:
		t[i] += t[i]
	case 2:
		t[i], t[j] = t[j], t[i]
	case 3:
		t[i] = pick(m, wrong...)
	case 4:
		t[i] += pick(m, wrong...)
	case 5:
		t[i] += pick(m, m.name(), m.number(), m.space(), m.value(1))
	case 6, 7:
		return m.editNumber(t)
	case 8:
		b := []byte(text)
		b[m.IntN(len(b))] ^= 1 << m.IntN(8)
		return string(b)
	}
	return strings.Join(t, "")
}

// editNumber changes a dim or an offset a little.
func (m headerMaker) editNumber(t []string) string {
	var numbers []int
	for i, token := range t {
		if token[0] >= '0' && token[0] <= '9' {
			numbers = append(numbers, i)
		}
	}
	if len(numbers) > 0 {
		i := pick(m, numbers...)
		t[i] = pick(m, m.number(), "0", "1", "4", "8", "16", t[pick(m, numbers...)], t[i]+"0", "18446744073709551615", "4611686018427387904", "2305843009213693952")
	}
	return strings.Join(t, "")
}
