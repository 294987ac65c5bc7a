package vectors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	v, err := Parse(`strict     duplicate
lenient    ok
reference  ok
tensor     "t" U8 [3] 0:3
metadata   "k" "v"

# A name twice.
# Two lines of comment.
# differs: the format
# forbids it.

header     {"a" "b"
header     "\x00\"" * 2
header     }
data       00 ff
data       "\x01" * 3
`)
	require.NoError(t, err)
	require.Equal(t, Vector{
		Strict: "duplicate", Lenient: "ok", Reference: "ok",
		Tensors: []string{`"t" U8 [3] 0:3`}, Metadata: []string{`"k" "v"`},
		Comment: "A name twice. Two lines of comment.", Differs: "the format forbids it.",
		File: []byte("\x0d\x00\x00\x00\x00\x00\x00\x00" + `{"a" "b"` + "\x00\"\x00\"" + "}" + "\x00\xff\x01\x01\x01"),
	}, v)
}

func TestParseOtherFrames(t *testing.T) {
	const head = "strict header-length\nlenient header-length\nreference InvalidHeaderLength\n# c\n"
	v, err := Parse(head + "length 18446744073709551615\nheader {}\n")
	require.NoError(t, err)
	require.Equal(t, []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), v.File)
	v, err = Parse(head + "file 01 02\n")
	require.NoError(t, err)
	require.Equal(t, []byte{1, 2}, v.File)
	v, err = Parse(head + `file ""`)
	require.NoError(t, err)
	require.Empty(t, v.File)
}

func TestParseRefuses(t *testing.T) {
	const head = "strict ok\nlenient ok\nreference ok\n# c\n"
	for _, text := range []string{
		"",
		"strict ok\nlenient ok\nreference ok\nheader {}\n", // no comment
		"strict ok\nlenient ok\n# c\nheader {}\n",
		head + "heading {}\n",
		head + "header\n",
		head + "data 0\n",
		head + "data zz\n",
		head + "length x\n",
		head + `header "a" times 3`,
		head + `header "a" * many`,
	} {
		_, err := Parse(text)
		require.Error(t, err, "%q", text)
	}
}
