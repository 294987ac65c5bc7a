package checkpoint

// These tests are about tensors that several goroutines share.

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/bulk"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// piecesOf sets the size of a piece until the test ends.
func piecesOf(t *testing.T, size int) {
	before := commitPiece
	commitPiece = size
	t.Cleanup(func() { commitPiece = before })
}

// anyBytes is n elements of d, each byte any.
func anyBytes(name string, d safetensors.DType, n int) safetensors.Source {
	data := make([]byte, n*d.Bits()/8)
	_, _ = rand.NewChaCha8([32]byte{byte(d.Bits())}).Read(data)
	return safetensors.Source{Name: name, DType: d, Shape: []int{n}, Data: data}
}

// In how many pieces a tensor is converted changes neither what the model gets nor what is
// reported.
func TestPiecesMakeNoDifference(t *testing.T) {
	const n = 1000
	for _, kind := range storable {
		for _, from := range everyDType {
			if from != kind.stored && !convertible(from, kind.stored) {
				continue
			}
			f := fileFrom(t, nil, anyBytes("x", from, n))
			load := func(size int) ([]byte, []CastReport, error) {
				piecesOf(t, size)
				d := emptyVector(kind.host, n)
				report, err := ReadModel(t.Context(), f, one(d), &LoadOptions{Cast: CastOverflow})
				if err != nil {
					return elements(t, d), nil, err
				}
				return elements(t, d), report.Casts, nil
			}
			want, wantCasts, wantErr := load(1 << 20)
			got, casts, err := load(64)
			require.Equal(t, wantErr, err, "%s to %s", from, kind.stored)
			require.Equal(t, wantCasts, casts, "%s to %s", from, kind.stored)
			require.Equal(t, want, got, "%s to %s", from, kind.stored)
		}
	}
}

// What is large enough to go past the caches arrives as well: as it is, converted, beside
// small tensors, into values that were there and into one made for the load.
func TestLargeLoad(t *testing.T) {
	const n = bulk.StreamTotal/8 + 12_345
	f := fileFrom(t, nil,
		anyBytes("as it is", safetensors.F32, n), anyBytes("wider", safetensors.BF16, n),
		anyBytes("small", safetensors.F32, 100), anyBytes("new", safetensors.F32, n))
	g := gorgonia.NewGraph()
	m := map[string]*gorgonia.Node{"new": gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(n), gorgonia.WithName("new"))}
	for name, size := range map[string]int{"as it is": n, "wider": n, "small": 100} {
		m[name] = gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(size), gorgonia.WithName(name),
			gorgonia.WithValue(emptyVector(tensor.Float32, size)))
	}
	report := mustLoad(t, f, FromMap(m), &LoadOptions{Cast: CastExact})
	require.GreaterOrEqual(t, report.Bytes, int64(bulk.StreamTotal))
	for name, v := range m {
		stored, err := f.Tensor(name)
		require.NoError(t, err)
		want, err := stored.Float32s(nil)
		require.NoError(t, err)
		got := v.Value().Data().([]float32)
		require.Len(t, got, len(want), name)
		for i, x := range want {
			if math.Float32bits(got[i]) != math.Float32bits(x) {
				require.Failf(t, "differs", "%s, element %d: got %v, want %v", name, i, got[i], x)
			}
		}
	}
}
