package safetensors

// This file makes wrong files for other tests: a valid one with an edit. What must
// become of wrong files is said by the vectors: see vectors_test.go.

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

// only is a file of one tensor, t.
func only(dtype, shape string, begin, end string, n int) edit {
	return whole(fmt.Sprintf(`{"t":{"dtype":%q,"shape":%s,"data_offsets":[%s,%s]}}`, dtype, shape, begin, end), n)
}

const (
	maxU64 = "18446744073709551615" // 2^64-1
	wEntry = `"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},`
)

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
