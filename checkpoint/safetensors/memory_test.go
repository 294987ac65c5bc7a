package safetensors

// This file is about what opening a file costs in memory: never more than four
// times the header and 1 MiB, whatever the header holds.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allocated is how many bytes f allocates, freed or not.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// requireBound opens a file in both modes and requires the bound.
func requireBound(t testing.TB, text string, data int) {
	t.Helper()
	file := frame(text, make([]byte, data))
	bound := 4*len(text) + 1<<20
	for _, o := range []*OpenOptions{nil, {Lenient: true}} {
		got := allocated(func() { NewFile(bytes.NewReader(file), int64(len(file)), o) })
		require.LessOrEqual(t, got, bound, "%+v: %.2f times a header of %d bytes", o, float64(got)/float64(len(text)), len(text))
	}
}

// many joins n texts with commas.
func many(n int, text func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(text(i))
	}
	return b.String()
}

// distinct is the i-th string of n bytes that a header may hold unescaped.
func distinct(i, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/.,;:?!@#$%^&*()+=<>[]{}|~"
	b := make([]byte, n)
	for k := range b {
		b[k] = letters[i%len(letters)]
		i /= len(letters)
	}
	return string(b)
}

const (
	emptyEntry = `{"dtype":"F4","shape":[0],"data_offsets":[0,0]}`
	emptyArray = `["F4",[0],[0,0]]`
)

// hostile are headers that claim, or seem to claim, much for their length.
var hostile = map[string]func() string{
	"tensors":                      func() string { return "{" + many(100_000, func(i int) string { return entryText(i, i) }) + "}" },
	"tensors, reversed":            func() string { return "{" + many(100_000, func(i int) string { return entryText(i, 99_999-i) }) + "}" },
	"tensors with names of 3":      func() string { return members(100_000, 3, emptyEntry) },
	"tensors that do not fit":      func() string { return members(100_000, 3, `{"dtype":"F4","shape":[],"data_offsets":[0,0]}`) },
	"tensors out of order":         func() string { return outOfOrder(members(100_000, 3, emptyEntry)) },
	"array tensors out of order":   func() string { return outOfOrder(members(120_000, 3, emptyArray)) },
	"array tensors, names of 3":    func() string { return members(120_000, 3, `["F4",[],[0,0]]`) },
	"array tensors, names of 4":    func() string { return members(120_000, 4, emptyArray) },
	"array tensors of one name":    func() string { return members(150_000, 0, `["F4",[],[0,0]]`) },
	"array tensors, reversed":      func() string { return "{" + many(120_000, arrayReversed) + "}" },
	"members that are no tensors":  func() string { return members(150_000, 0, "0") },
	"members that are empty lists": func() string { return members(150_000, 0, "[]") },
	"members that are lists":       func() string { return members(150_000, 0, "[[[]]]") },
	"metadata keys of 3":           func() string { return `{"__metadata__":` + members(120_000, 3, `""`) + "}" },
	"metadata keys of 4":           func() string { return `{"__metadata__":` + members(150_000, 4, `""`) + "}" },
	"metadata, one key":            func() string { return `{"__metadata__":` + members(300_000, 0, `""`) + "}" },
	"metadata, keys escaped":       func() string { return `{"__metadata__":` + members(150_000, -5, `""`) + "}" },
	"metadata, long values": func() string {
		return `{"__metadata__":` + members(1000, 4, `"\n`+strings.Repeat("x", 10_000)+`"`) + "}"
	},
	"metadata, long keys": func() string {
		return `{"__metadata__":{"a":"",` + many(1000, func(i int) string { return fmt.Sprintf(`"%d\n%s":""`, i, strings.Repeat("x", 10_000)) }) + "}}"
	},
	"dims": func() string { return one(`"shape":[`+many(300_000, func(int) string { return "0" })+`]`, `"F4"`) },
	"offsets": func() string {
		return one(`"shape":[0],"data_offsets":[`+many(300_000, func(int) string { return "0" })+`]`, `"F4"`)
	},
	"dim of many digits":   func() string { return one(`"shape":[1`+strings.Repeat("0", 1<<20)+`]`, `"F4"`) },
	"number of many zeros": func() string { return one(`"shape":[0],"x":1`+strings.Repeat("0", 1<<20), `"F4"`) },
	"number near 0":        func() string { return one(`"shape":[0],"x":0.`+strings.Repeat("0", 1<<20), `"F4"`) },
	"exponent":             func() string { return one(`"shape":[0],"x":0e`+strings.Repeat("9", 1<<20), `"F4"`) },
	"string of escapes":    func() string { return one(`"shape":[0],"x":"`+strings.Repeat(`\u0000`, 1<<20)+`"`, `"F4"`) },
	"strings of escapes": func() string {
		return one(`"shape":[0],"x":[`+many(300_000, func(int) string { return `"\n"` })+`]`, `"F4"`)
	},
	"string of brackets": func() string { return one(`"shape":[0],"x":"`+strings.Repeat("[", 1<<20)+`"`, `"F4"`) },
	"name of brackets": func() string {
		return `{"` + strings.Repeat("[", 1<<20) + `":{"dtype":"F4","shape":[3],"data_offsets":[0,0]}}`
	},
	"name of escapes": func() string { return `{"` + strings.Repeat(`\u0000`, 1<<20) + `":` + emptyEntry + "}" },
	"name of escapes, bad": func() string {
		return `{"` + strings.Repeat(`\u0000`, 1<<20) + `":{"dtype":"F4","shape":[3],"data_offsets":[0,0]}}`
	},
	"long names twice": func() string {
		name := `"\n` + strings.Repeat("[", 4<<20) + `":`
		return "{" + name + emptyEntry + "," + name + emptyEntry + "}"
	},
	"long key twice": func() string {
		name := `"\n` + strings.Repeat("[", 4<<20) + `":""`
		return `{"__metadata__":{` + name + "," + name + "}}"
	},
	"dtype of escapes": func() string { return one(`"shape":[0]`, `"`+strings.Repeat(`\u0000`, 1<<20)+`"`) },
	"dtype of DEL":     func() string { return one(`"shape":[0]`, `"`+strings.Repeat("\x7f", 1<<20)+`"`) },
	"braces":           func() string { return strings.Repeat("{", 1<<20) },
	"objects":          func() string { return strings.Repeat(`{"":`, 1<<20) },
	"objects as entry": func() string { return `{"a":` + strings.Repeat(`{"":`, 1<<20) },
	"lists as entry":   func() string { return `{"a":` + strings.Repeat("[", 1<<20) },
	"lists as dtype":   func() string { return one(`"shape":[0]`, strings.Repeat("[", 1<<20)) },
	"lists side by side": func() string {
		return one(`"shape":[0],"x":[`+many(300_000, func(int) string { return "[]" })+"]", `"F4"`)
	},
	"white space": func() string { return one(`"shape":[0]`, strings.Repeat(" ", 1<<20)+`"F4"`) },
	"commas":      func() string { return "{" + strings.Repeat(",", 1<<20) },
}

// entryText is tensor i, its one byte at position at.
func entryText(i, at int) string {
	return fmt.Sprintf(`"layers.%d.weight":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, i, at, at+1)
}

func arrayReversed(i int) string {
	at := 999_999 - i // always six digits
	return fmt.Sprintf(`"%s":["U8",[1],[%d,%d]]`, distinct(i, 3), at, at+1)
}

// outOfOrder puts a tensor that lies behind all others in front of them.
func outOfOrder(header string) string {
	return `{"last":{"dtype":"F4","shape":[0],"data_offsets":[9,9]},` + header[1:]
}

// members is an object of n members, each with the same value and a name of k
// bytes of its own; none where k is 0, escaped where it is negative.
func members(n, k int, value string) string {
	return "{" + many(n, func(i int) string {
		if k < 0 {
			return `"\n` + distinct(i, -k) + `":` + value
		}
		return `"` + distinct(i, k) + `":` + value
	}) + "}"
}

// one is a header of one entry with a dtype and other fields.
func one(fields, dtype string) string { return `{"t":{"dtype":` + dtype + "," + fields + "}}" }

func TestOpenMemory(t *testing.T) {
	skipIfRaced(t)
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			header := text()
			data := map[string]int{"tensors": 100_000, "tensors, reversed": 100_000}[name]
			requireBound(t, header, data)
			// An escape makes room for unescaped text as long as all that follows.
			escaped := `{"\n":` + emptyEntry + "," + strings.TrimPrefix(header, "{")
			requireBound(t, escaped, data)
		})
	}
}

// A spaceReader is a file of a header that is {} and spaces, and no data.
type spaceReader struct {
	n    uint64
	read int64 // bytes that were asked for
}

func (r *spaceReader) ReadAt(p []byte, off int64) (int, error) {
	r.read += int64(len(p))
	for i := range p {
		p[i] = ' '
	}
	start := binary.LittleEndian.AppendUint64(nil, r.n)
	if start = append(start, "{}"...); off < int64(len(start)) {
		copy(p, start[off:])
	}
	return len(p), nil
}

func TestLargestHeader(t *testing.T) {
	skipIfRaced(t)
	for _, o := range []*OpenOptions{nil, {Lenient: true}} {
		r := &spaceReader{n: maxHeader}
		var f *File
		var err error
		got := allocated(func() { f, err = NewFile(r, lengthBytes+maxHeader, o) })
		require.NoError(t, err)
		require.Zero(t, f.Len())
		require.LessOrEqual(t, got, maxHeader+1<<20)
	}
}

func TestTooLargeHeaderIsNotAllocated(t *testing.T) {
	for _, n := range []uint64{maxHeader + 1, 1 << 40, 1<<63 - 1, 1<<64 - 1} {
		r := &spaceReader{n: n}
		var err error
		got := allocated(func() { _, err = NewFile(r, 1<<62, nil) })
		require.Equal(t, ErrHeaderTooLarge, kindOf(t, err))
		require.Less(t, got, 1<<16)
		require.LessOrEqual(t, r.read, int64(lengthBytes))
	}
}

// The claim of a length is believed only as far as the file reaches.
func TestHeaderPastTheEndIsNotAllocated(t *testing.T) {
	file := frame(strings.Repeat(" ", 1000), nil)
	binary.LittleEndian.PutUint64(file, maxHeader)
	var err error
	got := allocated(func() { _, err = OpenBytes(file, nil) })
	require.Equal(t, ErrHeaderLength, kindOf(t, err))
	require.Less(t, got, 1<<16)
}

// openClaim opens a file of four tensors that claims to be nearly as long as a file can
// be, behind a reader that has none of their bytes.
func openClaim(t *testing.T, dtype string, shape string) *File {
	const size = 1<<61 - 1024
	sums := many(4, func(i int) string { return fmt.Sprintf(`"kibisis.crc64nvme.%d":"0000000000000000"`, i) })
	file := frame(`{"__metadata__":{`+sums+"},"+many(4, func(i int) string {
		return fmt.Sprintf(`"%d":{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, i, dtype, shape, int64(i)*size, int64(i+1)*size)
	})+"}", nil)
	f, err := NewFile(&brokenReader{file: file, from: int64(len(file))}, int64(len(file))+4*size, nil)
	require.NoError(t, err)
	return f
}

// What only the size of a file says, and a server can say any, is not made room for.
func TestClaimOfATensor(t *testing.T) {
	const tooMuch = `tensor "3": 2305843009213692928 bytes do not fit into memory`
	x := tensorOf(t, openClaim(t, "U8", "[2305843009213692928]"), "3")
	_, err := x.Bytes()
	require.ErrorContains(t, err, tooMuch)
	_, err = As[uint8](x)
	require.ErrorContains(t, err, tooMuch)
	part, err := x.Slice(Range(0, 3))
	require.NoError(t, err)
	_, err = part.Bytes()
	require.ErrorIs(t, err, errCut)
	x = tensorOf(t, openClaim(t, "F4", "[2,2305843009213692928]"), "3")
	_, err = x.Float32s(nil)
	require.ErrorContains(t, err, tooMuch)
}

func TestVerifyAClaim(t *testing.T) {
	skipIfRaced(t)
	f := openClaim(t, "U8", "[2305843009213692928]")
	got := allocated(func() {
		n, err := f.Verify(t.Context())
		require.ErrorIs(t, err, errCut)
		require.Zero(t, n)
	})
	require.Less(t, got, 64<<20)
}

// Metadata that is no checksum is not decoded to report one that is wrong.
func TestVerifyMemory(t *testing.T) {
	skipIfRaced(t)
	text := `{"__metadata__":{"kibisis.crc64nvme.x":"?",` + members(150_000, 4, `""`)[1:] + `,"x":` + emptyEntry + "}"
	file := frame(text, nil)
	got := allocated(func() {
		_, err := OpenBytes(file, &OpenOptions{Verify: true})
		require.ErrorIs(t, err, ErrChecksum)
	})
	require.LessOrEqual(t, got, 4*len(text)+1<<20)
}

// Names with a long common beginning cost no more than others, and neither do
// many: this test would not end if a lookup walked the table.
func TestManyTensors(t *testing.T) {
	skipIfRaced(t)
	const n = 65_536
	prefix := strings.Repeat("p", 1000)
	text := "{" + many(n, func(i int) string {
		return fmt.Sprintf(`"%s%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, prefix, i, i, i+1)
	}) + "}"
	requireBound(t, text, n)
	f := opened(t, frame(text, counted(n)), nil)
	require.Equal(t, n, f.Len())
	for i := range n {
		x := tensorOf(t, f, fmt.Sprint(prefix, i))
		require.Equal(t, []byte{byte(i)}, bytesOf(t, x))
	}
	_, err := f.Tensor(prefix)
	require.ErrorIs(t, err, ErrNotFound)
}
