package safetensors

// This file is about the short way through a header: it must be taken, and must
// lead where the general grammar leads.

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// parseGeneral is parseHeader by the general grammar alone, and in the order that
// the reference has: first UTF-8, then the rest.
func parseGeneral(text []byte, lenient bool) (*header, error) {
	h := &header{scanner: scanner{text: text}, lenient: lenient, meta: -1}
	if !utf8.Valid(text) {
		return nil, h.failAt(invalidUTF8(text), ErrHeaderUTF8, "not UTF-8")
	}
	if err := h.reserve(); err != nil {
		return nil, err
	}
	it := h.items('{', '}')
	for it.next() {
		if err := h.general(); err != nil {
			return nil, err
		}
	}
	if it.err != nil {
		return nil, it.err
	}
	if h.peek(); h.pos < len(text) {
		return nil, h.unexpected("the end")
	}
	return h, nil
}

// parsed is what a header says, or what is wrong with it, in words.
func parsed(h *header, err error) string {
	if f := (*FormatError)(nil); errors.As(err, &f) {
		return fmt.Sprintf("%s, tensor %q, field %q", f.Kind, f.Tensor, f.Field)
	}
	var b strings.Builder
	for i := range h.entries {
		e := &h.entries[i]
		at, found := h.lookup(string(h.bytes(e.name)))
		var shape []uint64
		h.dimsOf(e, func(dim uint64) { shape = append(shape, dim) })
		fmt.Fprintf(&b, "%q %s %v [%d,%d] fault %d, %v at %d\n", h.bytes(e.name), e.dtype, shape, e.begin, e.end, e.fault, found, at)
	}
	return b.String()
}

// requireAgreement requires that both ways through a header lead to one place, and
// that white space between the tokens of a right one changes nothing.
func requireAgreement(t testing.TB, text string) {
	t.Helper()
	for _, lenient := range []bool{false, true} {
		h, err := parseHeader([]byte(text), lenient)
		got := parsed(h, err)
		if want := parsed(parseGeneral([]byte(text), lenient)); got != want {
			require.Equal(t, want, got, "lenient %v, header %q", lenient, text)
		}
		if err != nil {
			continue
		}
		spaced := strings.Join(tokens.FindAllString(text, -1), " ")
		if again := parsed(parseHeader([]byte(spaced), lenient)); got != again {
			require.Equal(t, got, again, "lenient %v, header %q", lenient, spaced)
		}
	}
}

func TestBothWaysAgree(t *testing.T) {
	skipIfRaced(t)
	m := newHeaderMaker(3)
	for range 30_000 {
		text, _ := m.header()
		for m.chance(45) {
			text = m.edit(text)
		}
		requireAgreement(t, text)
	}
}

// The spellings that the short way looks at most closely: numbers of every length,
// strings that end and go wrong at every place of a word, and the text's end.
func TestBothWaysAgreeAtTheEdges(t *testing.T) {
	entry := func(name, shape, offsets string) string {
		return `"` + name + `":{"dtype":"U8","shape":[` + shape + `],"data_offsets":[` + offsets + `]}`
	}
	rest := "," + entry("rest", "1", "0,1")
	for n := range 25 {
		for _, digit := range []string{"0", "1", "9"} {
			number := strings.Repeat(digit, n)
			for _, text := range []string{number, "1" + number, "0," + number, number + ".0", number + "e1", "-" + number, number + "," + number} {
				requireAgreement(t, "{"+entry("a", text, "0,1")+rest+"}")
				requireAgreement(t, "{"+entry("a", "1", text)+rest+"}")
				requireAgreement(t, "{"+entry("a", "0", text)+"}")
			}
		}
		for _, odd := range []string{`\"`, `\\`, "\x00", "\x1f", "\x7f", " ", "!", "#", "[", "]", "^", "é", "\x80", "\xa2", "\xdc", "\xff", "😀"} {
			name := strings.Repeat("n", n) + odd
			requireAgreement(t, "{"+entry(name, "1", "0,1")+rest+"}")
			requireAgreement(t, "{"+entry(name+name, "1", "0,1")+rest+"}")
		}
		requireAgreement(t, "{"+entry("a", "1", "0,1")+rest+"}"+strings.Repeat(" ", n))
	}
	whole := "{" + entry("first", "2,3", "0,6") + "," + entry(metadataName, "1", "6,7") + rest + "}"
	for i := range whole {
		requireAgreement(t, whole[:i])
		requireAgreement(t, whole[:i]+" "+whole[i:])
		requireAgreement(t, whole[:i]+"\xff"+whole[i:])
	}
}

// What Encode writes is taken by the short way, but for names with escapes and for
// an entry that the header ends with.
func TestShortWayTakesWhatIsWritten(t *testing.T) {
	var src []Source
	for d := Bool; d <= U64; d++ {
		for k, shape := range [][]int{{8}, {}, {2, 0, 3}, {12345678, 0}, {0, 1234567890}, {4, 6, 8}} {
			if d.Bits() < 8 && len(shape) == 0 {
				continue
			}
			name := fmt.Sprintf("%s.läyer.%d", strings.Repeat("x", k), d)
			src = append(src, Source{Name: name, DType: d, Shape: shape, Data: make([]byte, product(shape)*d.Bits()/8)})
		}
	}
	f := opened(t, encoded(t, nil, src...), nil)
	h := &header{scanner: scanner{text: f.shards[0].h.text}}
	it := h.items('{', '}')
	for i := 0; i < len(src)-1 && it.next(); i++ {
		var e entry
		require.True(t, h.canonical(&e), "at %q", h.text[h.pos:])
		require.Equal(t, f.shards[0].h.entries[i], e)
	}
}

// However a header is ordered, tensors come in file order, those without bytes as
// the header lists them, and each is found by its name.
func TestFileOrderOfAnyHeader(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, form := range []string{`"t%03d":{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}`, `"t%03d":["U8",[%d],[%d,%d]]`} {
		for range 200 {
			n := rng.IntN(100)
			parts, order := make([]string, n), rng.Perm(n)
			sizes, begin := make([]int, n), 0
			for i := range parts {
				sizes[i] = rng.IntN(3)
				parts[i] = fmt.Sprintf(form, i, sizes[i], begin, begin+sizes[i])
				begin += sizes[i]
			}
			mixed := make([]string, n)
			for i, from := range order {
				mixed[i] = parts[from]
			}
			f := opened(t, frame("{"+strings.Join(mixed, ",")+"}", counted(begin)), &OpenOptions{Lenient: true})
			requireTiles(t, f, int64(begin)+f.shards[0].h.dataStart())
			placed := make([]int, n) // where the header lists a tensor
			for at, i := range order {
				placed[i] = at
			}
			last, lastPlace := Tensor{}, 0
			for name, x := range f.All() {
				require.Same(t, x.e, tensorOf(t, f, name).e)
				i, err := strconv.Atoi(name[1:])
				require.NoError(t, err)
				require.EqualValues(t, sizes[i], x.Size())
				if last.e != nil && last.e.begin == x.e.begin && last.e.end == x.e.end {
					require.Greater(t, placed[i], lastPlace)
				}
				last, lastPlace = x, placed[i]
			}
		}
	}
}

// Opening allocates as often for ten thousand tensors as for a hundred, out of order
// a little more often than in order.
func TestOpenAllocations(t *testing.T) {
	skipIfRaced(t)
	for _, n := range []int{100, 10_000} {
		text, data := modelHeader(n), make([]byte, 16*n)
		for _, c := range []struct {
			what, text string
			most       float64
		}{
			{"in order", text, 3},
			{"out of order", `{"z":{"dtype":"U8","shape":[0],"data_offsets":[` + fmt.Sprintf("%d,%[1]d]},", 16*n) + text[1:], 6},
		} {
			got := testing.AllocsPerRun(10, func() {
				h, err := parseHeader([]byte(c.text), false)
				require.NoError(t, err)
				require.NoError(t, h.check(h.dataStart()+int64(16*n)))
			})
			require.LessOrEqual(t, got-1, c.most, "parsing %d tensors %s", n, c.what) // one is the text
		}
		file := frame(text, data)
		path := rewritten(t, t.TempDir(), file)
		for _, c := range []struct {
			what string
			open func() (*File, error)
			most float64
		}{
			{"OpenBytes", func() (*File, error) { return OpenBytes(file, nil) }, 8},
			{"Open", func() (*File, error) { return Open(path, nil) }, 16},
		} {
			got := testing.AllocsPerRun(10, func() {
				f, err := c.open()
				require.NoError(t, err)
				require.NoError(t, f.Close())
			})
			require.LessOrEqual(t, got, c.most, "%s of %d tensors", c.what, n)
		}
	}
}
