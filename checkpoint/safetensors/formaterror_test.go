package safetensors

// This file is about what a *FormatError says: where the fault is, in fields for
// programs and in one line for people.

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFormatErrorSaysWhere(t *testing.T) {
	base := newDraft().text
	at := func(text string) int64 { return lengthBytes + int64(strings.Index(base, text)) }
	data := lengthBytes + int64(len(base)) // where it begins
	for _, c := range []struct {
		name          string
		edit          edit
		kind          ErrorKind
		tensor, field string
		begin, end    int64
	}{
		{"UTF-8", swap(`"k"`, "\"\xff\""), ErrHeaderUTF8, "", "", at(`"k"`) + 1, at(`"k"`) + 2},
		{"header's length", length(1 << 40), ErrHeaderTooLarge, "", "", 0, 8},
		{"header ends", whole("{", 0), ErrHeaderJSON, "", "", 9, 10},
		{"syntax", swap(`"s":`, `"s"=`), ErrHeaderJSON, "", "", at(`"s":`) + 3, at(`"s":`) + 4},
		{"dtype", swap(`"I32"`, `"I33"`), ErrHeaderJSON, "s", "dtype", at(`"I32"`), at(`"I32"`) + 1},
		{"dim", swap(`"shape":[0]`, `"shape":[x]`), ErrHeaderJSON, "e", "shape", at(`[0],`) + 1, at(`[0],`) + 2},
		{"offsets", swap(`[0,16]`, `[0]   `), ErrHeaderJSON, "w", "data_offsets", at(`[0,16]`), at(`[0,16]`) + 1},
		{"extra field", swap(`"F32",`, `"F32","":tru,`), ErrHeaderJSON, "w", "", at(`"F32",`) + 9, at(`"F32",`) + 10},
		{"metadata", swap(`"v"`, `0  `), ErrHeaderJSON, "", "", at(`"v"`), at(`"v"`) + 1},
		{"tensor twice", swap(`"s":`, `"w":`), ErrDuplicate, "w", "", 8, data},
		{"field twice", swap(`"shape":[0]`, `"dtype":"F"`), ErrDuplicate, "e", "dtype", 8, data},
		{"metadata key twice", swap(`"v"`, `"v","k":""`), ErrDuplicate, "", "k", 8, data + 7},
		{"metadata twice", swap(`"w":{`, `"__metadata__":{},"w":{`), ErrDuplicate, "", "__metadata__", 8, data + 18},
		{"offset", swap(`[20,22]`, `[19,22]`), ErrOffset, "h", "", data + 19, data + 22},
		{"size", swap(`[2,2],"data_offsets":[0`, `[2,3],"data_offsets":[0`), ErrSize, "w", "", data, data + 16},
		{"misaligned", swap(`"shape":[2,2],"data_offsets":[20,22]`, `"shape":[1,3],"data_offsets":[20,22]`), ErrMisaligned, "h", "", data + 20, data + 22},
		{"overflow", swap(`"shape":[0]`, `"shape":[`+maxU64+`,2]`), ErrOverflow, "e", "", data + 16 + 21, data + 16 + 21},
		{"claim past int64", swap(`[20,22]`, `[20,`+maxU64+`]`), ErrSize, "h", "", data + 20 + 18, math.MaxInt64},
		{"data short", func(d *draft) { d.data = d.data[:20] }, ErrIncomplete, "", "", data + 20, data + 22},
		{"data long", func(d *draft) { d.data = counted(30) }, ErrIncomplete, "", "", data + 22, data + 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenBytes(c.edit.file(), nil)
			var f *FormatError
			require.ErrorAs(t, err, &f)
			require.Equal(t, c.kind, f.Kind, "%v", err)
			require.Equal(t, c.tensor, f.Tensor)
			require.Equal(t, c.field, f.Field)
			require.Equal(t, [2]int64{c.begin, c.end}, [2]int64{f.Begin, f.End}, "%v", err)
			require.Contains(t, err.Error(), string(c.kind))
			require.Empty(t, f.Path)
		})
	}
}

func TestFormatErrorNamesThePath(t *testing.T) {
	path := written(t, swap("[20,22]", "[19,22]").file())
	for _, o := range []*OpenOptions{nil, {NoMmap: true}} {
		_, err := Open(path, o)
		var f *FormatError
		require.ErrorAs(t, err, &f)
		require.Equal(t, path, f.Path)
		require.Equal(t, "safetensors: "+path+`: tensor "h": bytes [274:277): offset: begins at data byte 19 and ends at 22, want begin 20`, err.Error())
	}
}

// A message is one line whatever the file holds, and no byte of it reaches the
// terminal as a command.
func TestErrorsQuote(t *testing.T) {
	ansi, esc := "\u001b[31m\u202e\n", `\u001b[31m\u202e\n`
	for name, e := range map[string]edit{
		"name":            swap(`"w":{"dtype":"F32"`, `"`+esc+`":{"dtype":"F31"`),
		"dtype":           swap(`"F32"`, `"`+esc+`"`),
		"name twice":      swap(wEntry, strings.Repeat(strings.Replace(wEntry, `"w"`, `"`+esc+`"`, 1), 2)),
		"metadata key":    swap(`"k":"v"`, `"`+esc+`":"","`+esc+`":""`),
		"byte":            swap(`"s":`, "\x1b"),
		"name, bad range": swap(`"h":{"dtype":"F4","shape":[2,2],"data_offsets":[20`, `"`+esc+`":{"dtype":"F4","shape":[2,2],"data_offsets":[19`),
		"spaced shape":    swap(`[2,2],"data_offsets":[0`, "[\r\n2\t,\n3 ],\"data_offsets\":[0"),
		"long shape":      swap(`[2,2],"data_offsets":[0`, "["+strings.Repeat("\n1,", 100)+"3],\"data_offsets\":[0"),
	} {
		_, err := OpenBytes(e.file(), nil)
		require.Error(t, err, name)
		requirePlain(t, err)
	}

	f := opened(t, encoded(t, nil, Source{Name: ansi, DType: I8, Shape: []int{1}, Data: []byte{0}}), nil)
	x := tensorOf(t, f, ansi)
	_, err := x.Float32s(nil)
	requirePlain(t, err)
	_, err = x.Slice(At(1))
	requirePlain(t, err)
	_, err = f.Tensor(ansi + "?")
	requirePlain(t, err)
	requirePlain(t, x.ReadInto(nil))
	requirePlain(t, Encode(&writeBuffer{}, []Source{{Name: ansi}}, nil))
	requirePlain(t, Encode(&writeBuffer{}, nil, &WriteOptions{Metadata: map[string]string{ansi: "\xff" + ansi}}))
}

func requirePlain(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	for _, r := range err.Error() {
		require.False(t, r < ' ' || r == 0x7f || r == '\u202e', "%q", err.Error())
	}
	require.True(t, strings.HasPrefix(err.Error(), "safetensors: "), err.Error())
	unpathed := strings.ReplaceAll(err.Error(), ".safetensors: ", "") // the end of a path
	require.Equal(t, 1, strings.Count(unpathed, "safetensors: "), err.Error())
}

// A hostile header cannot make an error much longer than a page by its dtype.
func TestErrorsAreShort(t *testing.T) {
	_, err := OpenBytes(swap(`"F32"`, `"`+strings.Repeat("\x7f", 1<<20)+`"`).file(), nil)
	require.Less(t, len(err.Error()), 1000)
}

// Nor by a name, which the error's field has whole.
func TestLongNamesAreCut(t *testing.T) {
	name := strings.Repeat("é", 1<<20)
	e := &FormatError{Kind: ErrOffset, Tensor: name, Detail: "detail"}
	require.Equal(t, "safetensors: tensor \""+strings.Repeat("é", 128)+"...\": offset: detail", e.Error())
	require.Equal(t, name, e.Tensor)
}

func TestErrorKindIsAnError(t *testing.T) {
	_, err := OpenBytes(nil, nil)
	require.ErrorIs(t, err, ErrHeaderTooSmall)
	require.NotErrorIs(t, err, ErrHeaderTooLarge)
	require.EqualError(t, ErrHeaderTooSmall, "header-too-small")
	require.EqualError(t, err, "safetensors: header-too-small: the file has 0 bytes, its header's length alone takes 8")
}
