package safetensors

// This file is the table of what is refused: a valid file plus one edit a row,
// read by every way into the package, strict and lenient.

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A draft is a file before its edit. It is valid.
type draft struct {
	text   string
	length uint64 // what the file says of the header's length
	data   []byte
}

func newDraft() draft {
	return draft{
		text: `{"__metadata__":{"k":"v"},` +
			`"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},` +
			`"e":{"dtype":"F64","shape":[0],"data_offsets":[16,16]},` +
			`"s":{"dtype":"I32","shape":[],"data_offsets":[16,20]},` +
			`"h":{"dtype":"F4","shape":[2,2],"data_offsets":[20,22]}}`,
		data: counted(22),
	}
}

// An edit makes one change to a draft.
type edit func(d *draft)

func (e edit) file() []byte {
	d := newDraft()
	d.length = math.MaxUint64 // not edited
	e(&d)
	file := frame(d.text, d.data)
	if d.length != math.MaxUint64 {
		binary.LittleEndian.PutUint64(file, d.length)
	}
	return file
}

// swap replaces text of the header, which must be there once.
func swap(old, new string) edit {
	return func(d *draft) {
		if strings.Count(d.text, old) != 1 {
			panic(fmt.Sprintf("%q is not in the draft once", old))
		}
		d.text = strings.Replace(d.text, old, new, 1)
	}
}

// whole replaces the header and the data, n bytes.
func whole(text string, n int) edit {
	return func(d *draft) { d.text, d.data = text, make([]byte, n) }
}

// length makes the file claim a header of n bytes.
func length(n uint64) edit { return func(d *draft) { d.length = n } }

// extra puts a field that the format does not know into the first tensor.
func extra(value string) edit {
	return swap(`"shape":[2,2],"data_offsets":[0,16]`, `"x":`+value+`,"shape":[2,2],"data_offsets":[0,16]`)
}

// only is a file of one tensor, t.
func only(dtype, shape string, begin, end string, n int) edit {
	return whole(fmt.Sprintf(`{"t":{"dtype":%q,"shape":%s,"data_offsets":[%s,%s]}}`, dtype, shape, begin, end), n)
}

// aroundTheClock is a header of 16 tensors of 2^60 bytes, whose sum is 2^64.
func aroundTheClock() string {
	const size = uint64(1) << 60
	return "{" + many(16, func(i int) string {
		begin := uint64(i) * size
		return fmt.Sprintf(`"%d":{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}`, i, size, begin, begin+size)
	}) + "}"
}

const (
	maxU64  = "18446744073709551615" // 2^64-1
	overU64 = "18446744073709551616" // 2^64
	wEntry  = `"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},`
)

var rejections = []struct {
	name            string
	edit            edit
	strict, lenient ErrorKind // "" is accepted
}{
	{"nothing", func(*draft) {}, "", ""},

	{"header of no bytes", length(0), ErrHeaderJSON, ErrHeaderJSON},
	{"header one byte past the end", func(d *draft) { d.length = uint64(len(d.text) + len(d.data) + 1) }, ErrHeaderLength, ErrHeaderLength},
	{"header up to the end", func(d *draft) { d.length = uint64(len(d.text) + len(d.data)) }, ErrHeaderJSON, ErrHeaderJSON},
	{"header one byte too short", func(d *draft) { d.length = uint64(len(d.text) - 1) }, ErrHeaderJSON, ErrHeaderJSON},
	{"largest header, short file", length(maxHeader), ErrHeaderLength, ErrHeaderLength},
	{"header over the limit", length(maxHeader + 1), ErrHeaderTooLarge, ErrHeaderTooLarge},
	{"header of 2^63-8 bytes", length(1<<63 - 8), ErrHeaderTooLarge, ErrHeaderTooLarge},
	{"header of 2^63-1 bytes", length(1<<63 - 1), ErrHeaderTooLarge, ErrHeaderTooLarge},
	{"header of 2^64-8 bytes", length(math.MaxUint64 - 7), ErrHeaderTooLarge, ErrHeaderTooLarge},
	{"empty header", whole("", 0), ErrHeaderJSON, ErrHeaderJSON},
	{"empty object", whole("{}", 0), "", ""},
	{"empty object, data", whole("{}", 1), ErrIncomplete, ErrIncomplete},
	{"metadata alone", whole(`{"__metadata__":{"k":"v"}}`, 0), "", ""},
	{"metadata alone, data", whole(`{"__metadata__":{"k":"v"}}`, 1), ErrIncomplete, ErrIncomplete},

	{"UTF-8: byte ff", swap(`"k"`, "\"\xff\""), ErrHeaderUTF8, ErrHeaderUTF8},
	{"UTF-8: overlong", swap(`"k"`, "\"\xc0\x80\""), ErrHeaderUTF8, ErrHeaderUTF8},
	{"UTF-8: surrogate", swap(`"k"`, "\"\xed\xa0\x80\""), ErrHeaderUTF8, ErrHeaderUTF8},
	{"UTF-8: cut short at the end", func(d *draft) { d.text += "\xe2\x80" }, ErrHeaderUTF8, ErrHeaderUTF8},
	{"UTF-8 comes before JSON", func(d *draft) { d.text = "?" + d.text + "\xff" }, ErrHeaderUTF8, ErrHeaderUTF8},

	{"white space everywhere", func(d *draft) {
		d.text = " \t\r\n" + strings.NewReplacer(":", " : ", ",", "\t,\r\n", "{", "{ ", "[", "[\n", "]", " ]").Replace(d.text) + "\n "
	}, "", ""},
	{"NUL behind", func(d *draft) { d.text += "\x00" }, ErrHeaderJSON, ErrHeaderJSON},
	{"no-break space before", func(d *draft) { d.text = "\u00a0" + d.text }, ErrHeaderJSON, ErrHeaderJSON},
	{"form feed before", func(d *draft) { d.text = "\f" + d.text }, ErrHeaderJSON, ErrHeaderJSON},
	{"byte order mark", func(d *draft) { d.text = "\ufeff" + d.text }, ErrHeaderJSON, ErrHeaderJSON},
	{"comment", swap(`"k":`, `/**/"k":`), ErrHeaderJSON, ErrHeaderJSON},
	{"comma at the end", swap(`[20,22]}}`, `[20,22]},}`), ErrHeaderJSON, ErrHeaderJSON},
	{"comma at the end of a list", swap(`[2,2],"data_offsets":[0`, `[2,2,],"data_offsets":[0`), ErrHeaderJSON, ErrHeaderJSON},
	{"no comma", swap(`},"s"`, `}"s"`), ErrHeaderJSON, ErrHeaderJSON},
	{"no colon", swap(`"s":`, `"s"`), ErrHeaderJSON, ErrHeaderJSON},
	{"two roots", func(d *draft) { d.text += "{}" }, ErrHeaderJSON, ErrHeaderJSON},
	{"root is a list", whole("[]", 0), ErrHeaderJSON, ErrHeaderJSON},
	{"root is null", whole("null", 0), ErrHeaderJSON, ErrHeaderJSON},
	{"object not closed", func(d *draft) { d.text = d.text[:len(d.text)-1] }, ErrHeaderJSON, ErrHeaderJSON},
	{"key is no string", swap(`"s":`, `s:`), ErrHeaderJSON, ErrHeaderJSON},

	{"empty name", swap(`"w"`, `""`), "", ""},
	{"NUL in a name, escaped", swap(`"w"`, `"\u0000"`), "", ""},
	{"NUL in a name, raw", swap(`"w"`, "\"\x00\""), ErrHeaderJSON, ErrHeaderJSON},
	{"control byte in a name", swap(`"w"`, "\"\x1f\""), ErrHeaderJSON, ErrHeaderJSON},
	{"control byte behind an escape", swap(`"w"`, "\"\\n\x1f\""), ErrHeaderJSON, ErrHeaderJSON},
	{"DEL in a name", swap(`"w"`, "\"\x7f\""), "", ""},
	{"a path as a name", swap(`"w"`, `"../w"`), "", ""},
	{"right-to-left override in a name", swap(`"w"`, "\"\u202e\""), "", ""},
	{"every short escape", swap(`"w"`, `"\"\\\/\b\f\n\r\t"`), "", ""},
	{"surrogate pair", swap(`"w"`, `"\ud83d\uDE00"`), "", ""},
	{"high surrogate alone", swap(`"w"`, `"\ud83d"`), ErrHeaderJSON, ErrHeaderJSON},
	{"high surrogate, then a letter", swap(`"w"`, `"\ud83dA"`), ErrHeaderJSON, ErrHeaderJSON},
	{"high surrogate, then an escape", swap(`"w"`, `"\ud83d\n"`), ErrHeaderJSON, ErrHeaderJSON},
	{"high surrogate twice", swap(`"w"`, `"\ud83d\ud83d"`), ErrHeaderJSON, ErrHeaderJSON},
	{"high surrogate, bad second half", swap(`"w"`, `"\ud83d\uZZZZ"`), ErrHeaderJSON, ErrHeaderJSON},
	{"low surrogate alone", swap(`"w"`, `"\ude00"`), ErrHeaderJSON, ErrHeaderJSON},
	{"unknown escape", swap(`"w"`, `"\v"`), ErrHeaderJSON, ErrHeaderJSON},
	{"three hex digits", swap(`"w"`, `"\u00e"`), ErrHeaderJSON, ErrHeaderJSON},
	{"header ends in an escape", whole(`{"\`, 0), ErrHeaderJSON, ErrHeaderJSON},
	{"header ends in hex digits", whole(`{"\u00`, 0), ErrHeaderJSON, ErrHeaderJSON},
	{"header ends in a string", whole(`{"w`, 0), ErrHeaderJSON, ErrHeaderJSON},
	{"header ends in a string with an escape", whole(`{"\nw`, 0), ErrHeaderJSON, ErrHeaderJSON},

	{"entry is null", swap(wEntry, wEntry+`"x":null,`), ErrHeaderJSON, ErrHeaderJSON},
	{"entry is a number", swap(wEntry, wEntry+`"x":1,`), ErrHeaderJSON, ErrHeaderJSON},
	{"entry is empty", swap(wEntry, wEntry+`"x":{},`), ErrHeaderJSON, ErrHeaderJSON},
	{"no dtype", swap(`"dtype":"F32",`, ""), ErrHeaderJSON, ErrHeaderJSON},
	{"no shape", swap(`"shape":[2,2],"data_offsets":[0,16]`, `"data_offsets":[0,16]`), ErrHeaderJSON, ErrHeaderJSON},
	{"no data_offsets", swap(`,"data_offsets":[0,16]`, ""), ErrHeaderJSON, ErrHeaderJSON},
	{"fields in another order", swap(wEntry, `"w":{"data_offsets":[0,16],"shape":[2,2],"dtype":"F32"},`), "", ""},
	{"field in capitals", swap(`"dtype":"F32"`, `"DTYPE":"F32"`), ErrHeaderJSON, ErrHeaderJSON},
	{"field escaped", swap(`"dtype":"F32"`, `"d\u0074ype":"F32"`), "", ""},
	{"dtype unknown", swap(`"F32"`, `"F31"`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype in lower case", swap(`"F32"`, `"f32"`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype empty", swap(`"F32"`, `""`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype of ours that is none", swap(`"F32"`, `"none"`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype is null", swap(`"F32"`, `null`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype escaped", swap(`"F32"`, `"\u004632"`), "", ""},

	{"extra: every kind of value", extra(`{"a":[1,-2.5e+3,"\u00e9",true,false,null,{}],"a":0}`), "", ""},
	{"extra: twice", swap(`"F32",`, `"F32","x":1,"x":2,`), "", ""},
	{"extra: bad literal", extra(`tru`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: literal and more", extra(`nulll`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: no value", extra(``), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: NaN", extra(`NaN`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: minus", extra(`-`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: minus zero", extra(`-0`), "", ""},
	{"extra: leading zero", extra(`01`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: point at the end", extra(`1.`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: point at the start", extra(`.5`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: exponent without digits", extra(`1e+`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: largest float64", extra(`-1.7976931348623157e308`), "", ""},
	{"extra: what the reference makes infinite", extra(`1.7976931348623158e308`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: beyond float64", extra(`1e309`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: beyond float64 by its digits", extra(strings.Repeat("9", 400)), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: brought back by the exponent", extra(strings.Repeat("9", 400) + "e-100"), "", ""},
	{"extra: many digits, 0.999", extra("0." + strings.Repeat("9", 400)), "", ""},
	{"extra: 1e100 by a thousand digits", extra("1" + strings.Repeat("0", 1000) + "e-900"), "", ""},
	{"extra: 1e319 by a thousand digits", extra("0." + strings.Repeat("0", 1000) + "1e1320"), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: zero with any exponent", extra(`0e99999999999`), "", ""},
	{"extra: exponent beyond 32 bits", extra(`1e99999999999`), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: exponent beyond 32 bits, below", extra(`1e-99999999999`), "", ""},
	{"extra: nested 125 deep", extra(strings.Repeat("[", 125) + strings.Repeat("]", 125)), "", ""},
	{"extra: nested 126 deep", extra(strings.Repeat("[", 126) + strings.Repeat("]", 126)), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: objects 125 deep", extra(strings.Repeat(`{"":`, 124) + "{}" + strings.Repeat("}", 124)), "", ""},
	{"extra: objects 126 deep", extra(strings.Repeat(`{"":`, 125) + "{}" + strings.Repeat("}", 125)), ErrHeaderJSON, ErrHeaderJSON},
	{"extra: not closed", extra(`[1`), ErrHeaderJSON, ErrHeaderJSON},

	{"dim is a float", swap(`[2,2],"data_offsets":[0`, `[2.0,2],"data_offsets":[0`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim with an exponent", swap(`[2,2],"data_offsets":[0`, `[2e0,2],"data_offsets":[0`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim is negative", swap(`[2,2],"data_offsets":[0`, `[-2,2],"data_offsets":[0`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim is minus zero", swap(`"shape":[0]`, `"shape":[-0]`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim with a plus", swap(`"shape":[0]`, `"shape":[+0]`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim with a leading zero", swap(`[2,2],"data_offsets":[0`, `[02,2],"data_offsets":[0`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim is a string", swap(`"shape":[0]`, `"shape":["0"]`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim is null", swap(`"shape":[0]`, `"shape":[null]`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim of 2^64-1", swap(`"shape":[0]`, `"shape":[0,`+maxU64+`]`), "", ""},
	{"dim of 2^64", swap(`"shape":[0]`, `"shape":[0,`+overU64+`]`), ErrHeaderJSON, ErrHeaderJSON},
	{"dim of 2^64 digits", swap(`"shape":[0]`, `"shape":[0,1`+strings.Repeat("0", 400)+`]`), ErrHeaderJSON, ErrHeaderJSON},
	{"shape is null", swap(`"shape":[0]`, `"shape":null`), ErrHeaderJSON, ErrHeaderJSON},
	{"shape is a number", swap(`"shape":[0]`, `"shape":0`), ErrHeaderJSON, ErrHeaderJSON},
	{"one offset", swap(`[0,16]`, `[16]`), ErrHeaderJSON, ErrHeaderJSON},
	{"three offsets", swap(`[0,16]`, `[0,16,16]`), ErrHeaderJSON, ErrHeaderJSON},
	{"offsets as an object", swap(`[0,16]`, `{"begin":0,"end":16}`), ErrHeaderJSON, ErrHeaderJSON},
	{"offset is a float", swap(`[0,16]`, `[0,16.0]`), ErrHeaderJSON, ErrHeaderJSON},
	{"offset of 2^64", swap(`[0,16]`, `[0,`+overU64+`]`), ErrHeaderJSON, ErrHeaderJSON},

	{"metadata is null", swap(`{"k":"v"}`, "null"), "", ""},
	{"metadata is empty", swap(`{"k":"v"}`, "{}"), "", ""},
	{"metadata is a list", swap(`{"k":"v"}`, "[]"), ErrHeaderJSON, ErrHeaderJSON},
	{"metadata is a string", swap(`{"k":"v"}`, `"kv"`), ErrHeaderJSON, ErrHeaderJSON},
	{"metadata value is a number", swap(`"v"`, "1"), ErrHeaderJSON, ErrHeaderJSON},
	{"metadata value is null", swap(`"v"`, "null"), ErrHeaderJSON, ErrHeaderJSON},
	{"metadata value is an object", swap(`"v"`, "{}"), ErrHeaderJSON, ErrHeaderJSON},
	{"metadata escaped", swap(`"__metadata__"`, `"\u005f_metadata__"`), "", ""},
	{"metadata last", func(d *draft) {
		swap(`"__metadata__":{"k":"v"},`, "")(d)
		swap(`[20,22]}}`, `[20,22]},"__metadata__":{"k":"v"}}`)(d)
	}, "", ""},

	{"tensor twice, last one valid", swap(wEntry, `"w":{"dtype":"U8","shape":[7],"data_offsets":[3,1]},`+wEntry), ErrDuplicate, ""},
	{"tensor twice, equal", swap(wEntry, wEntry+wEntry), ErrDuplicate, ""},
	{"tensor twice, once escaped", swap(wEntry, wEntry+strings.Replace(wEntry, `"w"`, `"\u0077"`, 1)), ErrDuplicate, ""},
	{"tensor twice, both escaped", func(d *draft) {
		twice := strings.Replace(wEntry, `"w"`, `"\u0077"`, 1)
		swap(wEntry, twice+twice)(d)
	}, ErrDuplicate, ""},
	{"tensor twice, next range", func(d *draft) {
		swap(`[20,22]}}`, `[20,22]},"h":{"dtype":"U8","shape":[1],"data_offsets":[22,23]}}`)(d)
		d.data = append(d.data, 0)
	}, ErrDuplicate, ErrOffset},
	{"tensor twice, last one of bad size", swap(wEntry, wEntry+`"w":{"dtype":"F32","shape":[3,2],"data_offsets":[0,16]},`), ErrDuplicate, ErrSize},
	{"tensor twice, first one is null", swap(wEntry, `"w":null,`+wEntry), ErrHeaderJSON, ErrHeaderJSON},
	{"empty names twice", swap(wEntry, strings.Repeat(strings.Replace(wEntry, `"w"`, `""`, 1), 2)), ErrDuplicate, ""},
	{"metadata key twice", swap(`"k":"v"`, `"k":"u","k":"v"`), ErrDuplicate, ""},
	{"metadata key twice, once escaped", swap(`"k":"v"`, `"k":"u","\u006b":"v"`), ErrDuplicate, ""},
	{"metadata key twice, both escaped", swap(`"k":"v"`, `"\u006B":"\n","l":"","\u006b":"v"`), ErrDuplicate, ""},
	{"metadata twice", swap(`"__metadata__":{"k":"v"}`, `"__metadata__":{},"__metadata__":{"k":"v"}`), ErrDuplicate, ErrDuplicate},
	{"metadata twice, once null", swap(`"__metadata__":{"k":"v"}`, `"__metadata__":null,"__metadata__":{"k":"v"}`), ErrDuplicate, ErrDuplicate},
	{"metadata twice, once escaped", swap(`"__metadata__":{"k":"v"}`, `"__metadata__":{},"\u005f_metadata__":{"k":"v"}`), ErrDuplicate, ErrDuplicate},
	{"dtype twice", swap(`"dtype":"F32"`, `"dtype":"F32","dtype":"F32"`), ErrDuplicate, ErrDuplicate},
	{"dtype twice, once escaped", swap(`"dtype":"F32"`, `"dtype":"F32","\u0064type":"F32"`), ErrDuplicate, ErrDuplicate},
	{"shape twice", swap(`"shape":[0]`, `"shape":[0],"shape":[0]`), ErrDuplicate, ErrDuplicate},
	{"data_offsets twice", swap(`"data_offsets":[0,16]`, `"data_offsets":[0,16],"data_offsets":[0,16]`), ErrDuplicate, ErrDuplicate},

	{"entry as a list", swap(wEntry, `"w":["F32",[2,2],[0,16]],`), ErrHeaderJSON, ""},
	{"entry as a list, dtype as an object", swap(wEntry, `"w":[{"F32":null},[2,2],[0,16]],`), ErrHeaderJSON, ""},
	{"entry as a list of two", swap(wEntry, `"w":["F32",[2,2]],`), ErrHeaderJSON, ErrHeaderJSON},
	{"entry as a list of four", swap(wEntry, `"w":["F32",[2,2],[0,16],0],`), ErrHeaderJSON, ErrHeaderJSON},
	{"entry as a list, unordered", swap(wEntry, `"w":[[2,2],"F32",[0,16]],`), ErrHeaderJSON, ErrHeaderJSON},
	{"entry as a list, of bad size", swap(wEntry, `"w":["F32",[2,3],[0,16]],`), ErrHeaderJSON, ErrSize},
	{"dtype as an object", swap(`"F32"`, `{"F32":null}`), ErrHeaderJSON, ""},
	{"dtype as an object, spaced", swap(`"F32"`, `{ "F32" : null }`), ErrHeaderJSON, ""},
	{"dtype as an object of none", swap(`"F32"`, `{}`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype as an object of two", swap(`"F32"`, `{"F32":null,"F32":null}`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype as an object with a value", swap(`"F32"`, `{"F32":{}}`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype as an object of a list", swap(`"F32"`, `{["F32"]:null}`), ErrHeaderJSON, ErrHeaderJSON},
	{"dtype as an object without colon", swap(`"F32"`, `{"F32" null}`), ErrHeaderJSON, ErrHeaderJSON},

	{"first tensor not at 0", func(d *draft) { swap(`[0,16]`, `[1,17]`)(d); d.data = counted(23) }, ErrOffset, ErrOffset},
	{"hole", func(d *draft) { swap(`[20,22]`, `[21,23]`)(d); d.data = counted(23) }, ErrOffset, ErrOffset},
	{"overlap", swap(`[20,22]`, `[19,21]`), ErrOffset, ErrOffset},
	{"one range twice", swap(`"h":`, `"i":{"dtype":"I32","shape":[],"data_offsets":[16,20]},"h":`), ErrOffset, ErrOffset},
	{"end before begin", swap(`[20,22]`, `[22,20]`), ErrOffset, ErrOffset},
	{"end before begin, begin right", swap(`[20,22]`, `[20,19]`), ErrOffset, ErrOffset},
	{"ranges go around 2^64", whole(aroundTheClock(), 0), ErrOffset, ErrOffset},
	{"end before begin, sizes agree modulo 2^64", only("U8", "["+maxU64+"]", "1", "0", 0), ErrOffset, ErrOffset},
	{"empty tensor inside another", swap(`[16,16]`, `[8,8]`), ErrOffset, ErrOffset},
	{"empty tensor behind the end", swap(`[16,16]`, `[23,23]`), ErrOffset, ErrOffset},
	{"empty tensor at the end", swap(`[16,16]`, `[22,22]`), "", ""},
	{"empty tensors at one place", swap(`"s":`, `"f":{"dtype":"F64","shape":[5,0],"data_offsets":[16,16]},"s":`), "", ""},
	{"tensors in another order", func(d *draft) {
		swap(wEntry, "")(d)
		swap(`[20,22]}}`, `[20,22]},`+strings.TrimSuffix(wEntry, ",")+`}`)(d)
	}, "", ""},
	{"size too large", swap(`"shape":[],`, `"shape":[2],`), ErrSize, ErrSize},
	{"size too small", swap(`"shape":[],`, `"shape":[0],`), ErrSize, ErrSize},
	{"size of another dtype", swap(`"I32"`, `"I16"`), ErrSize, ErrSize},
	{"range up to 2^64-1", swap(`[0,16]`, `[0,`+maxU64+`]`), ErrSize, ErrSize},
	{"an offset comes before a later size", func(d *draft) { swap(`[0,16]`, `[1,16]`)(d); swap(`"shape":[],`, `"shape":[2],`)(d) }, ErrOffset, ErrOffset},
	{"a size comes before a later offset", func(d *draft) { swap(`"shape":[],`, `"shape":[2],`)(d); swap(`[20,22]`, `[21,23]`)(d) }, ErrSize, ErrSize},
	{"data one byte short", func(d *draft) { d.data = d.data[:21] }, ErrIncomplete, ErrIncomplete},
	{"data one byte long", func(d *draft) { d.data = counted(23) }, ErrIncomplete, ErrIncomplete},
	{"no data", func(d *draft) { d.data = nil }, ErrIncomplete, ErrIncomplete},
	{"2^63 bytes claimed", only("U8", "[1073741824,1073741824,8]", "0", "9223372036854775808", 0), ErrOverflow, ErrOverflow},
	{"2^60 bytes claimed", only("U8", "[1152921504606846976]", "0", "1152921504606846976", 0), ErrIncomplete, ErrIncomplete},

	{"dims overflow", only("U8", "[4294967296,4294967296]", "0", "0", 0), ErrOverflow, ErrOverflow},
	{"dims overflow, then zero", only("U8", "["+maxU64+","+maxU64+",0]", "0", "0", 0), ErrOverflow, ErrOverflow},
	{"zero, then what would overflow", only("U8", "[0,"+maxU64+","+maxU64+"]", "0", "0", 0), "", ""},
	{"dim beyond int, then zero", only("U8", "["+maxU64+",0]", "0", "0", 0), "", ""},
	{"dims wrap to the size", only("U8", "[4194305,4194305,211106198978564]", "0", "4", 4), ErrOverflow, ErrOverflow},
	{"width overflows", only("U8", "[2305843009213693952]", "0", "0", 0), ErrOverflow, ErrOverflow},
	{"width overflows in bits of F4", only("F4", "[4611686018427387904]", "0", "1", 1), ErrOverflow, ErrOverflow},
	{"overflow comes before misaligned", only("F6_E2M3", "["+maxU64+"]", "0", "1", 1), ErrOverflow, ErrOverflow},

	{"F4: scalar", only("F4", "[]", "0", "1", 1), ErrMisaligned, ErrMisaligned},
	{"F4: three", only("F4", "[3]", "0", "2", 2), ErrMisaligned, ErrMisaligned},
	{"F4: two", only("F4", "[2]", "0", "1", 1), "", ""},
	{"F4: two in two bytes", only("F4", "[2]", "0", "2", 2), ErrSize, ErrSize},
	{"F4: none", only("F4", "[3,0]", "0", "0", 0), "", ""},
	{"F6: two", only("F6_E2M3", "[2]", "0", "2", 2), ErrMisaligned, ErrMisaligned},
	{"F6: four", only("F6_E3M2", "[4]", "0", "3", 3), "", ""},
	{"misaligned comes before size", only("F4", "[3]", "0", "7", 7), ErrMisaligned, ErrMisaligned},
	{"offset comes before misaligned", only("F4", "[3]", "1", "3", 3), ErrOffset, ErrOffset},
}

func TestReject(t *testing.T) {
	for _, r := range rejections {
		t.Run(r.name, func(t *testing.T) {
			file := r.edit.file()
			for _, in := range entrances {
				requireKind(t, r.strict, in.open(t, file, OpenOptions{}), in.name+", strict")
				requireKind(t, r.lenient, in.open(t, file, OpenOptions{Lenient: true}), in.name+", lenient")
			}
		})
	}
}

// requireKind compares an error with the kind it should have, "" for none.
func requireKind(t *testing.T, want ErrorKind, err error, how string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err, how)
		return
	}
	require.ErrorIs(t, err, want, how)
	require.Equal(t, want, kindOf(t, err), how)
}

func TestTooShort(t *testing.T) {
	for n := range lengthBytes {
		for _, in := range entrances {
			err := in.open(t, make([]byte, n), OpenOptions{})
			require.Equal(t, ErrHeaderTooSmall, kindOf(t, err), "%d bytes, %s", n, in.name)
		}
	}
}

// Every cut of a valid file is refused, and no cut is a panic.
func TestEveryCut(t *testing.T) {
	file := edit(func(*draft) {}).file()
	for n := range len(file) {
		_, err := OpenBytes(file[:n], nil)
		require.Error(t, err, "%d of %d bytes", n, len(file))
		kindOf(t, err)
	}
}
