package cli

// This file proves that escaped text is safe, and that nothing is lost in it.

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// hostileText draws strings that are full of what must not reach a terminal: control
// characters, directions, separators, broken UTF-8, and what escapes are made of.
func hostileText() *rapid.Generator[string] {
	hostile := rapid.SampledFrom([]string{
		"\x00", "\a", "\t", "\n", "\r", "\x1b[2J", "\x7f", "\u0085", "\u009b31m", "\u00ad", "\u061c",
		"\u200b", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069", "\ufeff",
		"\U000e0041", "\ufffd", "\xff", "\xc2", "\xed\xa0\x80", "\xc0\x80", "\U0010ffff", "\ufdd0",
		`"`, `\`, `\n`, `\x1b`, `\u202e`, " ", "a", "é", "层", "😀",
	})
	part := rapid.OneOf(hostile, rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	return rapid.Map(rapid.SliceOf(part), func(parts []string) string { return strings.Join(parts, "") })
}

func TestEscapeIsOneSafeWordThatCanBeReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileText().Draw(t, "s")
		word := escape(s)
		requireSafe(t, word)
		if strings.HasPrefix(word, `"`) {
			back, err := strconv.Unquote(word)
			require.NoError(t, err)
			require.Equal(t, s, back)
		} else {
			require.Equal(t, s, word)
			require.NotContains(t, word, " ")
			require.NotEmpty(t, word)
		}
	})
}

func TestEveryRuneThatActsIsEscaped(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		special := r < 0x20000 || r>>16 == 0xe // else ideographs, private use, nothing
		if !utf8.ValidRune(r) || !special {
			continue
		}
		if at, _ := actsOnTerminal(escape(string(r)), ""); at >= 0 {
			require.Failf(t, "escape", "%U comes through", r)
		}
	}
}

func TestEscapeLeavesVisibleWordsAlone(t *testing.T) {
	for _, word := range []string{"model.layers.0.weight", "größe", "层.权重", "😀", `C:\models\a.safetensors`, "a'b", "<&>", "\ufffd", "-"} {
		require.Equal(t, word, escape(word))
	}
	require.Equal(t, `""`, escape(""))
	require.Equal(t, `"two words"`, escape("two words"))
	require.Equal(t, `"\\ \""`, escape(`\ "`))
}

func TestMessagesAreOneSafeLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileText().Draw(t, "s")
		line := oneLine(s)
		requireSafe(t, line)
		require.Equal(t, line, oneLine(line), "what is safe stays")
	})
	require.Equal(t, `tensor "a\n" in C:\b: \x1b\xff`, oneLine(`tensor "a\n" in C:\b: `+"\x1b\xff"))
}

func TestJSONIsSafeAndMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileText().Draw(t, "s")
		plain, err := json.Marshal([]string{s, s})
		require.NoError(t, err)
		visible := appendVisible(nil, plain)
		requireSafe(t, string(visible))
		var want, got []string
		require.NoError(t, json.Unmarshal(plain, &want))
		require.NoError(t, json.Unmarshal(visible, &got))
		require.Equal(t, want, got)
	})
}

func requireSafe(t require.TestingT, s string) {
	at, r := actsOnTerminal(s, "")
	require.Negativef(t, at, "%U at %d of %q", r, at, s)
}
