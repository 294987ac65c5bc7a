package checkpoint

// This file writes plans of renames as text, and reads them.

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

const (
	renamesHeader = "# kibisis renames 1"
	arrow         = "<-"
	nothing       = "-"
)

// ErrRenames is the kind of every *RenamesError.
var ErrRenames = errors.New("the renames cannot be read")

// A RenamesError says where a text is no plan of renames.
type RenamesError struct {
	Line   int // from 1
	Reason string
}

// Error gives the line and what is wrong with it.
func (e *RenamesError) Error() string {
	return fmt.Sprintf("checkpoint: %v: line %d: %s", ErrRenames, e.Line, e.Reason)
}

// Unwrap returns ErrRenames.
func (e *RenamesError) Unwrap() error { return ErrRenames }

// String is the plan as text, for ParseRenames to read.
func (r *Renames) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n# model parameter %s tensor in the file\n", renamesHeader, arrow)
	for _, note := range r.notes {
		fmt.Fprintf(&b, "# %s\n", note)
	}
	writeRenames(&b, "", r.entries)
	if len(r.open) > 0 {
		fmt.Fprintf(&b, "\n# Not decided. Keep at most one line for each name, without its first sign;\n# %q on the right lets a parameter keep its initial value.\n", nothing)
	}
	for _, o := range r.open {
		writeRenames(&b, "# ", o.candidates)
	}
	return b.String()
}

// MarshalText is String.
func (r *Renames) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// writeRenames writes lines in columns.
func writeRenames(b *bytes.Buffer, prefix string, lines []rename) {
	w := tabwriter.NewWriter(b, 0, 0, 1, ' ', 0)
	for _, e := range lines {
		param, stored := cell(e.param), cell(e.stored)
		switch {
		case e.param == "":
			param = nothing
		case e.stored == "":
			stored = nothing
		}
		fmt.Fprintf(w, "%s%s\t%s %s", prefix, param, arrow, stored)
		if e.why != "" {
			fmt.Fprintf(w, "\t# %s", e.why)
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // into memory
}

// cell is a name as it stands in the text: quoted unless it can be bare.
func cell(name string) string {
	if bare(name) {
		return name
	}
	return strconv.Quote(name)
}

// bare reports whether a name can be told from what else stands in a line.
func bare(name string) bool {
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || !strconv.IsPrint(r) || strings.ContainsRune("#\"'`\\", r)
	}
	return name != "" && name != nothing && name != arrow && utf8.ValidString(name) && !strings.ContainsFunc(name, odd)
}

// ParseRenames reads what String writes, perhaps edited. The first line has the
// version. Lines that begin with # are comments. A line that cannot be read, or a
// name given twice, is a *RenamesError.
func ParseRenames(text []byte) (*Renames, error) {
	p := renamesParser{params: map[string]int{}, stored: map[string]int{}}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if err := p.line(n, strings.TrimSpace(line)); err != nil {
			return nil, &RenamesError{n, err.Error()}
		}
	}
	if n == 0 {
		return nil, &RenamesError{1, errNoHeader.Error()}
	}
	return newRenames(p.entries), nil
}

var errNoHeader = fmt.Errorf("want %q first", renamesHeader)

type renamesParser struct {
	entries        []rename
	params, stored map[string]int // the line of each name
}

func (p *renamesParser) line(n int, line string) error {
	switch {
	case n == 1 && line != renamesHeader:
		return errNoHeader
	case line == "" || line[0] == '#':
		return nil
	}
	e, err := parseRename(line)
	if err != nil {
		return err
	}
	if e.param != "" {
		if err := once(p.params, e.param, n); err != nil {
			return err
		}
	}
	if e.param == "" || e.stored != "" {
		if err := once(p.stored, e.stored, n); err != nil {
			return err
		}
	}
	p.entries = append(p.entries, e)
	return nil
}

func once(seen map[string]int, name string, n int) error {
	if at, ok := seen[name]; ok {
		return fmt.Errorf("%.100q is in line %d already", name, at)
	}
	seen[name] = n
	return nil
}

// parseRename reads "name <- name # why".
func parseRename(line string) (e rename, err error) {
	param, hasParam, rest, err := parseCell(line)
	if err != nil {
		return e, err
	}
	rest, ok := strings.CutPrefix(rest, arrow)
	if !ok || rest == strings.TrimLeft(rest, " \t") {
		return e, fmt.Errorf("want %q and a space after the first name", arrow)
	}
	stored, hasStored, rest, err := parseCell(strings.TrimLeft(rest, " \t"))
	if err != nil {
		return e, err
	}
	why, ok := strings.CutPrefix(rest, "#")
	switch {
	case !ok && rest != "":
		return e, fmt.Errorf("want nothing or a comment after the second name")
	case !hasParam && !hasStored:
		return e, fmt.Errorf("no name on either side")
	case hasParam && (param == "" || hasStored && stored == ""):
		return e, fmt.Errorf("a parameter and its tensor have names that are not empty")
	}
	return rename{param, stored, comment(why)}, nil
}

// parseCell reads a name, or a dash, and the space behind it.
func parseCell(s string) (name string, ok bool, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		return parseQuoted(s)
	}
	word := s
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		word, rest = s[:i], strings.TrimLeft(s[i:], " \t")
	}
	switch {
	case word == nothing:
		return "", false, rest, nil
	case !bare(word):
		return "", false, "", fmt.Errorf("want a name, quoted as in Go if it is odd, or %q: %.100q", nothing, word)
	}
	return word, true, rest, nil
}

func parseQuoted(s string) (name string, ok bool, rest string, err error) {
	word, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", false, "", fmt.Errorf("a name whose quotes do not end, or that has an escape that Go lacks")
	}
	if name, err = strconv.Unquote(word); err != nil || !utf8.ValidString(name) {
		return "", false, "", fmt.Errorf("a name that is not UTF-8: %.100s", word)
	}
	rest = strings.TrimLeft(s[len(word):], " \t")
	if rest != "" && len(rest) == len(s)-len(word) {
		return "", false, "", fmt.Errorf("want a space after %.100s", word)
	}
	return name, true, rest, nil
}

// comment is the text behind a sign, in a form that can be written again.
func comment(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
