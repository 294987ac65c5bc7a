package safetensors

// This file says what we make of a file in the words in which the program of
// .ci/rust says what the reference makes of it.

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// variants are the reference's names of our kinds. A duplicate is one of two
// things there, so it has no row: where both refuse it, it is a fault of the JSON.
var variants = map[ErrorKind]string{
	ErrHeaderTooSmall: "HeaderTooSmall",
	ErrHeaderTooLarge: "HeaderTooLarge",
	ErrHeaderLength:   "InvalidHeaderLength",
	ErrHeaderUTF8:     "InvalidHeader",
	ErrHeaderJSON:     "InvalidHeaderDeserialization",
	ErrDuplicate:      "InvalidHeaderDeserialization",
	ErrOffset:         "InvalidOffset",
	ErrOverflow:       "ValidationOverflow",
	ErrMisaligned:     "MisalignedSlice",
	ErrSize:           "TensorInvalidInfo",
	ErrIncomplete:     "MetadataIncompleteBuffer",
}

// verdict is what we say of a file, in the words of the program in .ci/rust,
// without the message of an error.
func verdict(t testing.TB, file []byte, o *OpenOptions) string {
	f, err := OpenBytes(file, o)
	if err != nil {
		var refusal *FormatError
		require.ErrorAs(t, err, &refusal)
		require.NotEmpty(t, variants[refusal.Kind], "%v", err)
		return "err " + variants[refusal.Kind]
	}
	words := []string{"ok", fmt.Sprint(f.Len())}
	for _, name := range slices.Sorted(slices.Values(f.Names())) {
		words = append(words, describe(f, tensorOf(t, f, name)))
	}
	if m := f.Metadata(); m != nil {
		words = append(words, "metadata")
		for _, key := range slices.Sorted(maps.Keys(m)) {
			words = append(words, fmt.Sprintf("%x=%x", key, m[key]))
		}
	}
	return strings.Join(words, " ")
}

func describe(f *File, x Tensor) string {
	var dims []string
	f.shards[0].h.dimsOf(x.e, func(dim uint64) { dims = append(dims, fmt.Sprint(dim)) })
	return fmt.Sprintf("%x:%s:%s:%d:%d", x.Name(), x.DType(), strings.Join(dims, ","), x.e.begin, x.e.end)
}

// kindOf is the kind of an error that must be a *FormatError.
func kindOf(t testing.TB, err error) ErrorKind {
	t.Helper()
	var f *FormatError
	require.ErrorAs(t, err, &f)
	require.ErrorIs(t, err, f.Kind)
	return f.Kind
}

// requireVerdict compares both modes with the reference's verdict on a file.
func requireVerdict(t testing.TB, file []byte, want string) {
	t.Helper()
	require.Equal(t, want, verdict(t, file, &OpenOptions{Lenient: true}), "lenient, header %q", file[min(lengthBytes, len(file)):])
	requireStrict(t, file, want)
}

// requireStrict compares the strict mode with the reference's verdict on a file on
// which the lenient mode gives the same. (It is called a million times: Helper, or
// a require that holds, would take longer than the reading.)
func requireStrict(t testing.TB, file []byte, want string) {
	got := verdict(t, file, nil)
	switch {
	case !strings.HasPrefix(want, "ok"):
		// The strict reader may find a duplicate or an array before the rest.
		if got != want && got != "err InvalidHeaderDeserialization" {
			require.Equal(t, want, got, "strict, file %q", file)
		}
	case got != want:
		require.Equal(t, "err InvalidHeaderDeserialization", got, "strict, header %q", file[lengthBytes:])
		require.True(t, forgiven(t, file), "strict, header %q", file[lengthBytes:])
	default:
		require.False(t, forgiven(t, file), "strict, header %q", file[lengthBytes:])
	}
}

// forgiven reports whether a file that the lenient reader takes holds what only
// that one may take: a name twice, or serde's short and long forms. It is found by
// another parser than the one under test.
func forgiven(t testing.TB, file []byte) bool {
	t.Helper()
	f, err := OpenBytes(file, &OpenOptions{Lenient: true})
	require.NoError(t, err)
	d := json.NewDecoder(strings.NewReader(string(f.shards[0].h.text)))
	d.UseNumber()
	found := false
	eachMember(t, d, func(key string, again bool) {
		value := delim(t, d)
		found = found || again || value == '['
		switch {
		case value == 0:
		case value == '[':
			rest(t, d)
		case key == metadataName:
			each(t, d, func(_ string, again bool) {
				found = found || again
				next(t, d)
			})
		default:
			each(t, d, func(field string, _ bool) {
				value := delim(t, d)
				found = found || field == "dtype" && value == '{'
				if value != 0 {
					rest(t, d)
				}
			})
		}
	})
	return found
}

// eachMember calls f behind each key of the object that comes next, each those of
// one whose brace is taken; again says that the key was there before. f takes the
// value.
func eachMember(t testing.TB, d *json.Decoder, f func(key string, again bool)) {
	require.Equal(t, json.Delim('{'), next(t, d))
	each(t, d, f)
}

func each(t testing.TB, d *json.Decoder, f func(key string, again bool)) {
	seen := map[string]bool{}
	for d.More() {
		key := next(t, d).(string)
		f(key, seen[key])
		seen[key] = true
	}
	next(t, d)
}

func next(t testing.TB, d *json.Decoder) json.Token {
	token, err := d.Token()
	require.NoError(t, err)
	return token
}

// delim takes a scalar and returns 0, or the bracket of another value.
func delim(t testing.TB, d *json.Decoder) json.Delim {
	bracket, _ := next(t, d).(json.Delim)
	return bracket
}

// rest takes what is left of a value whose first bracket is taken.
func rest(t testing.TB, d *json.Decoder) {
	for depth := 1; depth > 0; {
		switch next(t, d) {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}
