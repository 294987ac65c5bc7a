package store

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestManifestsHaveOneSpelling: bytes with a right digest that say more, or say it otherwise, than this
// program would, are those of another program, which knew why. They are not damage.
func TestManifestsHaveOneSpelling(t *testing.T) {
	good, err := aManifest().encode()
	require.NoError(t, err)
	m, err := decode(good)
	require.NoError(t, err)
	require.Equal(t, aManifest().Files, m.Files)
	body := string(good[:len(good)-digestSize])
	two := body[strings.Index(body, "        \"a"):strings.Index(body, "      }\n    },")]
	one, other, _ := strings.Cut(two, "        },\n")
	swapped := other[:len(other)-1] + ",\n" + one + "        }\n"
	for what, bad := range map[string]string{
		"a member more":          strings.Replace(body, "\n  \"kind\"", "\n  \"more\": 1,\n  \"kind\"", 1),
		"a member twice":         strings.Replace(body, "\n  \"kind\"", "\n  \"step\": 400,\n  \"kind\"", 1),
		"a member in a file":     strings.Replace(body, "\"size\": 0", "\"mode\": 1,\n      \"size\": 0", 1),
		"a member in a tensor":   strings.Replace(body, "          \"range\"", "          \"more\": 1,\n          \"range\"", 1),
		"another order of names": strings.Replace(body, two, swapped, 1),
		"a name twice":           strings.Replace(body, two, one+"        },\n"+one+"        }\n", 1),
		"a number otherwise":     strings.Replace(body, "            16,", "            1.6e1,", 1),
		"a name otherwise":       strings.Replace(body, `a\u003cb`, `a<b`, 1),
		"another indentation":    strings.Replace(body, "\n  \"step\"", "\n\t\"step\"", 1),
	} {
		require.NotEqual(t, body, bad, what)
		_, err := decode(withDigest([]byte(bad)))
		require.ErrorIs(t, err, ErrNewerFormat, what)
	}
}

// TestManifestsAreBounded: what could not be read back is not written.
func TestManifestsAreBounded(t *testing.T) {
	m := aManifest()
	m.Extra = append(append([]byte(`"`), bytes.Repeat([]byte("x"), maxPlain)...), '"')
	_, err := m.encode()
	require.ErrorContains(t, err, "beside its tensors")
	m = aManifest()
	m.Files["model.safetensors"].Size = 10
	_, err = m.encode()
	require.ErrorContains(t, err, "lies outside")
}
