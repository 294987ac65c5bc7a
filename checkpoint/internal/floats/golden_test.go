package floats

// This file compares the package with PyTorch, NumPy and ml_dtypes, by what
// testdata/gen_floats.py wrote down of them in testdata/golden.json.

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden is the file's content; all numbers are bit patterns in hexadecimal.
type golden struct {
	Codes  map[string]string `json:"float32_of_codes"`
	SHA256 map[string]string `json:"sha256"`
	Rows32 []string          `json:"float32_f16_bf16"`
	Rows64 []string          `json:"float64_f16_float32"`
}

func readGolden(t *testing.T) golden {
	b, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(b, &g))
	return g
}

func TestGoldenCodes(t *testing.T) {
	g := readGolden(t)
	for _, d := range definitions[2:] {
		want, err := hex.DecodeString(g.Codes[d.name])
		require.NoError(t, err)
		got := make([]float32, 1<<d.bits())
		require.Len(t, want, 4*len(got), d.name)
		d.decode(got, d.pack(d.allCodes()))
		for code, f := range got {
			w := math.Float32frombits(binary.BigEndian.Uint32(want[4*code:]))
			requireSame(t, float64(w), f, "%s code %#x", d.name, code)
		}
	}
}

func TestGoldenDecodeDigest(t *testing.T) {
	g := readGolden(t)
	for _, d := range definitions[:2] {
		values := make([]float32, 1<<16)
		d.decode(values, d.pack(d.allCodes()))
		h := sha256.New()
		for _, f := range values {
			bits := math.Float32bits(f)
			if f != f {
				bits = 0x7fc00000
			}
			h.Write(binary.LittleEndian.AppendUint32(nil, bits))
		}
		require.Equal(t, g.SHA256["decode "+d.name], hex.EncodeToString(h.Sum(nil)), d.name)
	}
}

func TestGoldenEncodeDigest(t *testing.T) {
	g := readGolden(t)
	each(t, func(t *testing.T, h half) {
		cut := 23 - h.man
		values := sweep32(cut)
		encoded := make([]byte, 2*len(values))
		h.bulk(encoded, values)
		require.Equal(t, g.SHA256[fmt.Sprintf("encode %s sweep32(%d)", h.name, cut)], h.digest(encoded))
	})
	f16 := halves[0]
	values := sweep64(f16)
	encoded := make([]byte, 2*len(values))
	EncodeF16From64(encoded, values)
	require.Equal(t, g.SHA256["encode F16 sweep64"], f16.digest(encoded))
}

// digest hashes encoded elements, each NaN as the canonical one.
func (h half) digest(encoded []byte) string {
	for at := 0; at < len(encoded); at += 2 {
		if h.isNaN(int(binary.LittleEndian.Uint16(encoded[at:]))) {
			binary.LittleEndian.PutUint16(encoded[at:], h.inf|h.quiet)
		}
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// sweep32 is the function of the same name in gen_floats.py.
func sweep32(cut int) []float32 {
	half := uint32(1) << (cut - 1)
	values := make([]float32, 0, 6<<(32-cut))
	for high := range uint32(1) << (32 - cut) {
		for _, low := range []uint32{0, 1, half - 1, half, half + 1, 2*half - 1} {
			values = append(values, math.Float32frombits(high<<cut|low))
		}
	}
	return values
}

// sweep64 is the function of the same name in gen_floats.py.
func sweep64(f16 half) []float64 {
	up, down := math.Inf(1), math.Inf(-1)
	var values []float64
	for code := range int(f16.inf) {
		here, after := f16.value(code), f16.value(code+1)
		if code+1 == int(f16.inf) {
			after = 65536
		}
		middle := (here + after) / 2
		values = append(values, here, math.Nextafter(here, up), math.Nextafter(middle, down), middle,
			math.Nextafter(middle, up), math.Nextafter(after, down))
	}
	for _, x := range values {
		values = append(values, -x)
	}
	return values
}

func TestGoldenRows(t *testing.T) {
	g := readGolden(t)
	require.NotEmpty(t, g.Rows32)
	for _, row := range g.Rows32 {
		col := columns(t, row)
		f := math.Float32frombits(uint32(col[0]))
		requireSameHalf(t, halves[0], col[1], F32ToF16(f), row)
		requireSameHalf(t, halves[1], col[2], F32ToBF16(f), row)
	}
	require.NotEmpty(t, g.Rows64)
	for _, row := range g.Rows64 {
		col := columns(t, row)
		x := math.Float64frombits(col[0])
		requireSameHalf(t, halves[0], col[1], halves[0].one64(x), row)
		requireSame(t, float64(math.Float32frombits(uint32(col[2]))), f64ToF32(x), "%s", row)
	}
}

// columns reads the three numbers of a row.
func columns(t *testing.T, row string) (col [3]uint64) {
	fields := strings.Fields(row)
	require.Len(t, fields, len(col), row)
	for i, s := range fields {
		v, err := strconv.ParseUint(s, 16, 64)
		require.NoError(t, err)
		col[i] = v
	}
	return col
}

// requireSameHalf requires the same bits, or that both are NaN and ours quiet.
func requireSameHalf(t *testing.T, h half, want uint64, got uint16, row string) {
	t.Helper()
	if h.isNaN(int(want)) {
		require.GreaterOrEqual(t, got&0x7fff, h.inf|h.quiet, row)
		return
	}
	require.Equal(t, uint16(want), got, row)
}
