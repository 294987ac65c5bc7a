package safetensors

// This file is about checksums: what is written, and that damage is found.

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChecksums(t *testing.T) {
	src := []Source{
		{Name: "digits", DType: U8, Shape: []int{9}, Data: []byte("123456789")},
		{Name: "nothing", DType: F32, Shape: []int{0}},
		{Name: "made", DType: U8, Shape: []int{3, 3}, WriteData: inParts([]byte("123456789"), 4)},
		{Name: "large", DType: U8, Shape: []int{3 << 20}, Data: counted(3 << 20)},
	}
	own := map[string]string{"format": "pt", "kibisis.crc64nvme.digits": "old"}
	var w writeBuffer
	require.NoError(t, Encode(&w, src, &WriteOptions{Metadata: own, Checksums: true}))
	require.Equal(t, map[string]string{"format": "pt", "kibisis.crc64nvme.digits": "old"}, own, "the caller's map is not touched")

	f := opened(t, w, nil)
	m := f.Metadata()
	require.Len(t, m, 5)
	require.Equal(t, "pt", m["format"])
	const check = "ae8b14860a799888" // the check value in the catalogue of CRC algorithms
	require.Equal(t, check, m["kibisis.crc64nvme.digits"])
	require.Equal(t, check, m["kibisis.crc64nvme.made"])
	require.Equal(t, "0000000000000000", m["kibisis.crc64nvme.nothing"])
	require.Empty(t, f.Aliases())
	for _, x := range f.All() {
		stored, err := x.Verify()
		require.True(t, stored)
		require.NoError(t, err)
		stored, err = x.VerifyBytes(bytesOf(t, x))
		require.True(t, stored)
		require.NoError(t, err)
	}
}

func TestEveryDamagedByteIsFound(t *testing.T) {
	var w writeBuffer
	require.NoError(t, Encode(&w, []Source{piece("a", U8, 0, 100, 10, 10), piece("b", U8, 0, 50, 50)}, &WriteOptions{Checksums: true}))
	f := opened(t, w, nil)
	a, b := tensorOf(t, f, "a"), tensorOf(t, f, "b")
	begin, end := a.Range()
	column, err := a.Slice(All(), At(0))
	require.NoError(t, err)
	for at := begin; at < end; at++ {
		w[at] ^= 1 << (at % 8)
		stored, err := a.Verify()
		require.True(t, stored)
		var bad *FormatError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, FormatError{Kind: ErrChecksum, Tensor: "a", Begin: begin, End: end, Detail: bad.Detail}, *bad)
		_, err = column.Verify()
		require.ErrorIs(t, err, ErrChecksum, "a slice is verified by the whole tensor")
		_, err = a.VerifyBytes(bytesOf(t, a))
		require.ErrorIs(t, err, ErrChecksum)
		_, err = b.Verify()
		require.NoError(t, err)
		w[at] ^= 1 << (at % 8)
	}
	_, err = a.Verify()
	require.NoError(t, err)
	_, err = column.Verify()
	require.NoError(t, err)
	_, err = a.VerifyBytes(bytesOf(t, a)[1:])
	require.ErrorIs(t, err, ErrChecksum)
}

func TestVerifyWithoutChecksum(t *testing.T) {
	f := opened(t, encoded(t, map[string]string{"kibisis.crc64nvme.b": "zz"}, piece("a", U8, 0, 1, 1), piece("b", U8, 0, 1, 1)), nil)
	stored, err := tensorOf(t, f, "a").Verify()
	require.False(t, stored)
	require.NoError(t, err)
	stored, err = tensorOf(t, f, "a").VerifyBytes(nil)
	require.False(t, stored)
	require.NoError(t, err)
	stored, err = tensorOf(t, f, "b").Verify()
	require.True(t, stored)
	require.ErrorIs(t, err, ErrChecksum)
	require.ErrorContains(t, err, `stored "zz"`)
}
