package safetensors

// This file is about what Encode writes, and what it refuses to write.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEncodeRefusesWhatCouldNotBeRead(t *testing.T) {
	good := piece("w", U8, 0, 4, 4)
	for name, c := range map[string]struct {
		src      []Source
		metadata map[string]string
		kind     ErrorKind
		tensor   string
		field    string
	}{
		"the metadata's name":  {[]Source{good, piece("__metadata__", U8, 0, 4, 4)}, nil, ErrReserved, "__metadata__", ""},
		"a name twice":         {[]Source{good, piece("v", U8, 0, 4, 4), good}, nil, ErrDuplicate, "w", ""},
		"twice, other dtype":   {[]Source{good, piece("w", F32, 0, 4, 1)}, nil, ErrDuplicate, "w", ""},
		"a name not UTF-8":     {[]Source{good, piece("\xff", U8, 0, 4, 4)}, nil, ErrHeaderUTF8, "\xff", ""},
		"a key not UTF-8":      {[]Source{good}, map[string]string{"\xff": ""}, ErrHeaderUTF8, "", "\xff"},
		"a value not UTF-8":    {[]Source{good}, map[string]string{"k": "\xed\xa0\x80"}, ErrHeaderUTF8, "", "k"},
		"no dtype":             {[]Source{good, {Name: "x", Data: []byte{}}}, nil, ErrHeaderJSON, "x", ""},
		"a dtype past the end": {[]Source{good, {Name: "x", DType: U64 + 1}}, nil, ErrHeaderJSON, "x", ""},
		"F4 of odd count":      {[]Source{good, piece("x", F4, 0, 2, 3)}, nil, ErrMisaligned, "x", ""},
		"F4 scalar":            {[]Source{good, piece("x", F4, 0, 1)}, nil, ErrMisaligned, "x", ""},
		"data too short":       {[]Source{good, piece("x", F32, 0, 11, 3)}, nil, ErrSize, "x", ""},
		"data too long":        {[]Source{good, piece("x", F32, 0, 13, 3)}, nil, ErrSize, "x", ""},
		"no data":              {[]Source{good, {Name: "x", DType: F32}}, nil, ErrSize, "x", ""},
		"a negative dim":       {[]Source{good, piece("x", U8, 0, 1, -1, -1)}, nil, ErrSize, "x", ""},
		"dims overflow":        {[]Source{good, piece("x", U8, 0, 0, math.MaxInt, math.MaxInt, math.MaxInt, 0)}, nil, ErrOverflow, "x", ""},
		"bytes overflow":       {[]Source{good, huge("x", U64, 1<<30, 1<<30, 2)}, nil, ErrOverflow, "x", ""},
		"the file overflows":   {eightTimes2to60(), nil, ErrOverflow, "7", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := &countingWriter{}
			err := Encode(w, c.src, &WriteOptions{Metadata: c.metadata})
			var f *FormatError
			require.ErrorAs(t, err, &f)
			require.Equal(t, c.kind, f.Kind, "%v", err)
			require.Equal(t, c.tensor, f.Tensor)
			require.Equal(t, c.field, f.Field)
			require.Zero(t, *w, "nothing is written or reserved")
		})
	}
}

// huge is a tensor whose data nobody makes.
func huge(name string, d DType, shape ...int) Source {
	return Source{Name: name, DType: d, Shape: shape, WriteData: func(io.Writer) error { return errors.New("not to be called") }}
}

func eightTimes2to60() (src []Source) {
	for i := range 8 {
		src = append(src, huge(fmt.Sprint(i), U8, 1<<30, 1<<30))
	}
	return src
}

// A countingWriter counts bytes and what is reserved.
type countingWriter struct{ written, reserved int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.written += int64(len(p))
	return len(p), nil
}

func (w *countingWriter) Reserve(n int64) error {
	w.reserved += n
	return nil
}

// A header of exactly the limit is written; one byte more is refused before a
// byte is.
func TestEncodeLargestHeader(t *testing.T) {
	skipIfRaced(t)
	around := len(`{"__metadata__":{"k":""}}`)
	for _, c := range []struct {
		header int
		kind   ErrorKind
	}{{maxHeader, ""}, {maxHeader + 1, ErrHeaderTooLarge}} {
		w := &countingWriter{}
		err := Encode(w, nil, &WriteOptions{Metadata: map[string]string{"k": strings.Repeat("x", c.header-around)}})
		requireKind(t, c.kind, err, fmt.Sprint(c.header))
		if c.kind == "" {
			require.Equal(t, countingWriter{lengthBytes + maxHeader, lengthBytes + maxHeader}, *w)
		} else {
			require.Zero(t, *w)
		}
	}
}

func TestEncodeEmptyMetadata(t *testing.T) {
	file := encoded(t, map[string]string{})
	require.Equal(t, frame(`{"__metadata__":{}}     `, nil), file)
	require.Equal(t, map[string]string{}, opened(t, file, nil).Metadata())

	file = encoded(t, map[string]string{}, piece("w", U8, 0, 1, 1))
	require.Contains(t, string(file), `{"__metadata__":{},"w":`)
	require.Equal(t, map[string]string{}, opened(t, file, nil).Metadata())

	var w writeBuffer
	require.NoError(t, Encode(&w, nil, nil))
	require.Nil(t, opened(t, w, nil).Metadata())
}

// The reference writes metadata in the order of a hash table; we do not.
func TestEncodeSortsMetadata(t *testing.T) {
	m := map[string]string{"b": "2", "a": "1", "B": "3", "": "4", "é": "5", "\U0001f600": "6", "\uffff": "7"}
	want := `{"__metadata__":{"":"4","B":"3","a":"1","b":"2","é":"5","` + "\uffff" + `":"7","` + "\U0001f600" + `":"6"}}`
	for range 20 {
		file := encoded(t, maps.Clone(m))
		require.Equal(t, want, strings.TrimRight(string(file[lengthBytes:]), " "))
	}
}

func TestEncodeDoesNotDependOnTheOrder(t *testing.T) {
	var src []Source
	for d := Bool; d <= U64; d++ {
		for _, name := range []string{"b", "a", "é", "", "aa"} {
			src = append(src, Source{Name: fmt.Sprint(name, d), DType: d, Shape: []int{2, 4}, Data: counted(d.Bits())})
		}
	}
	want := encoded(t, map[string]string{"k": "v"}, src...)
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		rng.Shuffle(len(src), func(i, j int) { src[i], src[j] = src[j], src[i] })
		names := func() (n []string) {
			for _, s := range src {
				n = append(n, s.Name)
			}
			return n
		}
		before := names()
		require.Equal(t, want, encoded(t, map[string]string{"k": "v"}, src...))
		require.Equal(t, before, names(), "the caller's slice keeps its order")
	}
}

// Whatever is written reads back equal, tiles the file, and is aligned.
func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		src := anySources(rt)
		metadata := rapid.MapOf(rapid.String(), rapid.String()).Draw(rt, "metadata")
		var w writeBuffer
		require.NoError(rt, Encode(&w, src, &WriteOptions{Metadata: metadata, Checksums: rapid.Bool().Draw(rt, "checksums")}))
		f, err := OpenBytes(w, nil)
		require.NoError(rt, err)
		requireTiles(rt, f, int64(len(w)))
		require.Equal(rt, len(src), f.Len())
		for _, s := range src {
			x := tensorOf(rt, f, s.Name)
			requireTensor(rt, x, s)
			begin, _ := x.Range()
			require.Zero(rt, begin%max(1, int64(s.DType.Bits()/8)), "%q is not aligned", s.Name)
			_, err := x.Verify()
			require.NoError(rt, err)
		}
		require.Zero(rt, f.shards[0].h.dataStart()%dataAlign)
		for key, value := range metadata {
			require.Equal(rt, value, f.Metadata()[key])
		}
		require.Equal(rt, []byte(w), reencoded(rt, f))
	})
}

// requireTiles requires that the tensors cover the data without gap or overlap.
func requireTiles(t tb, f *File, size int64) {
	at := f.shards[0].h.dataStart()
	for name, x := range f.All() {
		begin, end := x.Range()
		require.Equal(t, at, begin, "%q", name)
		require.Equal(t, x.Size(), end-begin, "%q", name)
		at = end
	}
	require.Equal(t, size, at)
}

// anySources are tensors of any dtypes, names and sizes, the ones that are hard
// among them.
func anySources(t *rapid.T) []Source {
	names := rapid.SliceOfNDistinct(rapid.String().Filter(func(s string) bool { return s != metadataName }), 0, 8, rapid.ID).Draw(t, "names")
	var src []Source
	for _, name := range names {
		d := anyDType(t)
		n := rapid.SampledFrom([]int{0, 1, 7, 8, 4097}).Draw(t, "elements")
		for n*d.Bits()%8 != 0 {
			n++
		}
		shape := rapid.SampledFrom([][]int{{n}, {1, n}, {n, 1, 1}}).Draw(t, "shape")
		if n == 1 {
			shape = nil
		}
		data := make([]byte, n*d.Bits()/8)
		rng := rand.New(rand.NewPCG(uint64(len(src)), uint64(n)))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		src = append(src, Source{Name: name, DType: d, Shape: shape, Data: data})
	}
	return src
}

// inParts is a WriteData that gives data in parts of n bytes.
func inParts(data []byte, n int) func(io.Writer) error {
	return func(w io.Writer) error {
		for part := range slices.Chunk(data, n) {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestWriteData(t *testing.T) {
	data := counted(1000)
	want := encoded(t, nil, Source{Name: "x", DType: F32, Shape: []int{250}, Data: data})
	for _, n := range []int{1, 7, 999, 1000, 2000} {
		require.Equal(t, want, encoded(t, nil, Source{Name: "x", DType: F32, Shape: []int{250}, WriteData: inParts(data, n)}))
	}
	// Data goes first, also when it is empty.
	never := func(io.Writer) error { return errors.New("called") }
	require.Equal(t, want, encoded(t, nil, Source{Name: "x", DType: F32, Shape: []int{250}, Data: data, WriteData: never}))
	encoded(t, nil, Source{Name: "x", DType: F32, Shape: []int{0}, Data: []byte{}, WriteData: never})
}

func TestWriteDataOfTheWrongLength(t *testing.T) {
	forgets := func(w io.Writer) error {
		_, _ = w.Write(make([]byte, 8))
		_, _ = w.Write([]byte{1}) // refused, and not noticed
		return nil
	}
	for name, c := range map[string]struct {
		write func(io.Writer) error
		err   error
		text  string
	}{
		"short":             {inParts(counted(7), 2), ErrSize, "wrote 7 of 8 bytes"},
		"nothing":           {inParts(nil, 1), ErrSize, "wrote 0 of 8 bytes"},
		"long":              {inParts(counted(9), 8), ErrSize, "1 bytes more"},
		"long at once":      {inParts(counted(9), 9), ErrSize, "1 bytes more"},
		"long, not noticed": {forgets, ErrSize, "1 bytes more"},
		"fails":             {func(io.Writer) error { return errCut }, errCut, "the line is cut"},
	} {
		t.Run(name, func(t *testing.T) {
			src := []Source{piece("a", F64, 0, 8, 1), {Name: "b\n", DType: F32, Shape: []int{2}, WriteData: c.write}}
			for _, checksums := range []bool{false, true} {
				w := &countingWriter{}
				err := Encode(w, src, &WriteOptions{Checksums: checksums})
				require.ErrorIs(t, err, c.err)
				require.ErrorContains(t, err, c.text)
				require.ErrorContains(t, err, `tensor "b\n"`)
				requirePlain(t, err)
				if checksums {
					require.Zero(t, *w, "the pass for checksums comes before the first byte")
				}
			}
		})
	}
}

func TestWriteDataIsCalledOnceAPass(t *testing.T) {
	for _, c := range []struct {
		checksums bool
		want      int
	}{{false, 1}, {true, 2}} {
		calls := 0
		src := Source{Name: "x", DType: U8, Shape: []int{3}, WriteData: func(w io.Writer) error {
			calls++
			_, err := w.Write(counted(3))
			return err
		}}
		require.NoError(t, Encode(io.Discard, []Source{src}, &WriteOptions{Checksums: c.checksums}))
		require.Equal(t, c.want, calls)
	}
}

func TestReserveIsCalledWithTheSize(t *testing.T) {
	for _, src := range [][]Source{nil, {piece("a", U8, 0, 3, 3)}, {piece("a", U8, 0, 3, 3), {Name: "b", DType: U8, Shape: []int{5 << 20}, Data: make([]byte, 5<<20)}}} {
		w := &countingWriter{}
		require.NoError(t, Encode(w, src, &WriteOptions{Checksums: true}))
		require.Equal(t, w.written, w.reserved)
	}
	w := &fullDisk{}
	err := Encode(w, []Source{piece("a", U8, 0, 3, 3)}, nil)
	require.ErrorIs(t, err, errCut)
	require.Zero(t, w.written)
}

// A fullDisk has no room to reserve.
type fullDisk struct{ countingWriter }

func (*fullDisk) Reserve(int64) error { return errCut }

// A writer that fails at any byte fails Encode, which says so and where.
func TestEncodeToAFailingWriter(t *testing.T) {
	src := []Source{piece("a", U8, 0, 100, 100), {Name: "b", DType: U8, Shape: []int{50}, WriteData: inParts(counted(50), 7)}}
	want := encoded(t, nil, src...)
	for n := range len(want) {
		w := &cutWriter{left: n}
		err := Encode(w, src, nil)
		require.ErrorIs(t, err, errCut)
		requirePlain(t, err)
		require.True(t, bytes.Equal(want[:n], w.got))
	}
	require.NoError(t, Encode(&cutWriter{left: len(want)}, src, nil))

	big := []Source{{Name: "a", DType: F32, Shape: []int{1 << 19}, Data: make([]byte, 2<<20)}, {Name: "b", DType: U8, Shape: []int{3 << 20}, WriteData: inParts(make([]byte, 3<<20), 1<<20)}}
	long := &WriteOptions{Metadata: map[string]string{"k": strings.Repeat("x", 2<<20)}}
	err := Encode(&cutWriter{left: 1 << 20}, nil, long)
	require.ErrorIs(t, err, errCut)
	require.ErrorContains(t, err, "write the header")
	for at, text := range map[int]string{0: `tensor "a"`, 1 << 20: `tensor "a"`, 4 << 20: `tensor "b"`} {
		err := Encode(&cutWriter{left: at}, big, nil)
		require.ErrorIs(t, err, errCut)
		require.ErrorContains(t, err, text)
	}
}

// A cutWriter takes so many bytes and no more.
type cutWriter struct {
	left int
	got  writeBuffer
}

func (w *cutWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	w.got = append(w.got, p[:n]...)
	if n < len(p) {
		return n, errCut
	}
	return n, nil
}
