package checkpoint

// These tests are about plans of renames as text.

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// reread is the plan as somebody who has the text only has it.
func reread(t testing.TB, text string) *Renames {
	t.Helper()
	r, err := ParseRenames([]byte(text))
	require.NoError(t, err, text)
	return r
}

func TestRenamesRead(t *testing.T) {
	text := renamesHeader + "\r\n" + `
# anything
a.b <- c.d
	"x y"	<-	"#1" #why not
größe <- -     #  kept
- <- ""
"-" <- "<-"
"tab\there" <- "quote\""  # a "quote" & more
`
	r := reread(t, text)
	require.Equal(t, []rename{
		{"-", "<-", ""},
		{"a.b", "c.d", ""},
		{"größe", "", "kept"},
		{"tab\there", `quote"`, `a "quote" & more`},
		{"x y", "#1", "why not"},
		{"", "", ""},
	}, r.entries)
	param, ok := r.Param("#1")
	require.True(t, ok)
	require.Equal(t, "x y", param)
	_, ok = r.Param("")
	require.False(t, ok, "the tensor without a name is passed over")
	require.Empty(t, r.Undecided())
	marshaled, err := r.MarshalText()
	require.NoError(t, err)
	require.Equal(t, r.entries, reread(t, string(marshaled)).entries)
}

func TestRenamesThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		text, want string
		line       int
	}{
		{"", `want "# kibisis renames 1" first`, 1},
		{"a <- b", `want "# kibisis renames 1" first`, 1},
		{"# kibisis renames 2\na <- b", `want "# kibisis renames 1" first`, 1},
		{"\n" + renamesHeader, `want "# kibisis renames 1" first`, 1},
		{renamesHeader + "\n\na <- b\na <- c", `"a" is in line 3 already`, 4},
		{renamesHeader + "\na <- b\nc <- b", `"b" is in line 2 already`, 3},
		{renamesHeader + "\na <- b\n- <- b", `"b" is in line 2 already`, 3},
		{renamesHeader + "\na <- -\na <- b", `"a" is in line 2 already`, 3},
		{renamesHeader + "\na", `want "<-" and a space after the first name`, 2},
		{renamesHeader + "\na b", `want "<-" and a space after the first name`, 2},
		{renamesHeader + "\na <-b", `want "<-" and a space after the first name`, 2},
		{renamesHeader + "\na <-", `want "<-" and a space after the first name`, 2},
		{renamesHeader + "\na -> b", `want "<-" and a space after the first name`, 2},
		{renamesHeader + "\na <- b c", "want nothing or a comment after the second name", 2},
		{renamesHeader + "\na <- b <- c", "want nothing or a comment after the second name", 2},
		{renamesHeader + "\na <- b# why", `or "-": "b#"`, 2},
		{renamesHeader + "\na <- # why", `or "-": "#"`, 2},
		{renamesHeader + "\na <- 'b'", `or "-": "'b'"`, 2},
		{renamesHeader + "\na <- \x1b", `or "-": "\x1b"`, 2},
		{renamesHeader + "\n<- b", `or "-": "<-"`, 2},
		{renamesHeader + "\n- <- -", "no name on either side", 2},
		{renamesHeader + "\n\"\" <- b", "names that are not empty", 2},
		{renamesHeader + "\na <- \"\"", "names that are not empty", 2},
		{renamesHeader + "\na <- \"b", "quotes do not end", 2},
		{renamesHeader + "\na <- \"\\q\"", "quotes do not end, or that has an escape", 2},
		{renamesHeader + "\na <- \"\\xff\"", "not UTF-8", 2},
		{renamesHeader + "\na <- \"b\"c", "want a space after", 2},
		{renamesHeader + "\n\"a\"<- b", "want a space after", 2},
		{renamesHeader + "\n" + strings.Repeat("#", 10) + "\n" + strings.Repeat("'", 10_000), "quoted as in Go", 3},
	} {
		r, err := ParseRenames([]byte(c.text))
		require.Nil(t, r)
		var e *RenamesError
		require.ErrorAs(t, err, &e, "%q", c.text)
		require.ErrorIs(t, err, ErrRenames)
		require.Contains(t, e.Reason, c.want, "%q", c.text)
		require.Equal(t, c.line, e.Line, "%q", c.text)
		require.Contains(t, err.Error(), fmt.Sprintf("checkpoint: the renames cannot be read: line %d: ", c.line))
		require.Less(t, len(err.Error()), 300)
	}
}

// Whatever the names are, the text gives them back.
func TestAnyNamesComeBack(t *testing.T) {
	odd := rapid.OneOf(rapid.StringN(1, 8, -1), rapid.SampledFrom([]string{"-", "<-", "#", `"`, `\`, "a b", "\t", "\n", "\u2028", "`", "a.b", "\x00", "�"}))
	rapid.Check(t, func(rt *rapid.T) {
		params := rapid.SliceOfNDistinct(odd, 0, 6, rapid.ID[string]).Draw(rt, "params")
		stored := rapid.SliceOfNDistinct(odd, 6, 12, rapid.ID[string]).Draw(rt, "stored")
		var entries []rename
		for i, param := range params {
			entries = append(entries, rename{param, stored[i], "why"})
		}
		for _, name := range stored[6:] {
			entries = append(entries, rename{"", name, ""})
		}
		if len(entries) > 0 && entries[0].param != "" && rapid.Bool().Draw(rt, "missing") {
			entries[0].stored = ""
		}
		r := newRenames(entries)
		require.Equal(rt, r, reread(t, r.String()))
	})
}

func FuzzParseRenames(f *testing.F) {
	for _, line := range []string{"", "a <- b # c", "- <- \"\"", "a <- -", "\"\\x00\" <- \"-\"", "# x", "a\t<-\tb#", "a <- b #\x1b[2J\v\f"} {
		f.Add([]byte(renamesHeader + "\n" + line))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseRenames(text)
		if err != nil {
			require.ErrorIs(t, err, ErrRenames)
			return
		}
		again, err := ParseRenames([]byte(r.String()))
		require.NoError(t, err, "%s", r)
		require.Equal(t, r, again)
		require.Equal(t, r.String(), again.String())
	})
}
