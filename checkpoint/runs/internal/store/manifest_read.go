package store

// This file reads manifests. Nearly all of a manifest is its tables of tensors, for which
// encoding/json takes five times as long as for all else of a listing: they are cut out and read line
// by line, and only the rest goes through it. Both ways take one spelling, that of encode.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxPlain is the longest manifest without its tensors, in bytes. It bounds the memory that a hostile
// one can take.
const maxPlain = 1 << 20

// errSpelling says that a manifest is not spelled as encode spells it.
var errSpelling = errors.New("not spelled as this program spells it")

// decode is the inverse of encode. An error says what is wrong with the bytes, and is ErrNewerFormat for
// good ones that say more than this program knows: whatever a format adds, its digest stays where
// it is.
func decode(b []byte) (*Manifest, error) { return decodeUpTo(b, everything) }

// decodeOutline is decode for those who need neither tensors nor Extra, and will decode what they use. It
// believes what has a right digest and a known format to be spelled as it should: for a list, the rest
// would be two thirds of the work.
func decodeOutline(b []byte) (*Manifest, error) { return decodeUpTo(b, outline) }

// detail is how much of a manifest is read.
type detail bool

const (
	outline    detail = false
	everything detail = true
)

func decodeUpTo(b []byte, d detail) (*Manifest, error) {
	body, err := checkDigest(b)
	if err != nil {
		return nil, err
	}
	m, err := read(body, d)
	if !errors.Is(err, errSpelling) {
		return m, err
	}
	var version struct{ Format int }
	if err := json.Unmarshal(slices.Concat(body, closing), &version); err != nil {
		return nil, err
	}
	if version.Format < 1 {
		return nil, fmt.Errorf("format %d: not a checkpoint", version.Format)
	}
	return nil, fmt.Errorf("%w: %d, this program reads up to %d (%w): use a newer version of it", ErrNewerFormat, version.Format, Format, err)
}

// closing is what the digest takes the place of.
var closing = []byte("\n}")

// read reads what the digest is of.
func read(body []byte, d detail) (*Manifest, error) {
	if !bytes.HasPrefix(body, fmt.Appendf(nil, "{\n  \"format\": %d,\n", Format)) {
		return nil, fmt.Errorf("%w: another beginning", errSpelling)
	}
	plain, tables, err := cutTables(body, d)
	if err != nil {
		return nil, err
	}
	plain = append(plain, closing...)
	m := &Manifest{}
	if err := json.Unmarshal(plain, m); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	if d == outline {
		return m, nil
	}
	if again, err := json.MarshalIndent(m, "", "  "); err != nil || !bytes.Equal(again, plain) {
		return nil, errors.Join(fmt.Errorf("%w: members that it does not know", errSpelling), err)
	}
	for name, table := range tables {
		f := m.Files[name]
		if f == nil {
			return nil, fmt.Errorf("%w: tensors of %q, which is no file", errSpelling, name)
		}
		f.Tensors = table
	}
	return m, m.check()
}

// The lines of a manifest that cutTables looks for. No string in JSON holds the end of a line.
const (
	filesLine   = `  "files": {`
	filesEnd    = "  }"
	tensorsLine = `      "tensors": {`
	tensorsEnd  = "      }"
	fileEnd     = "    }"
	extraLine   = `  "extra": ` // the last member, or its first line
)

// cutTables returns the manifest as it were without tensors, and the tensors of each file. Its outline is
// also without Extra.
func cutTables(body []byte, d detail) (plain []byte, tables map[string]map[string]*Tensor, err error) {
	tables = map[string]map[string]*Tensor{}
	all := lines{string(body)} // once: names and numbers are parts of it
	plain = make([]byte, 0, 1<<10)
	inFiles, file := false, ""
	for len(all.rest) > 0 && (d == everything || !strings.HasPrefix(all.rest, extraLine)) {
		line := all.next()
		switch {
		case line == filesLine:
			inFiles = true
		case inFiles && isEnd(line, filesEnd):
			inFiles = false
		case inFiles && line == tensorsLine:
			if tables[file], err = all.table(d); err != nil {
				return nil, nil, fmt.Errorf("tensors of %q: %w", file, err)
			}
			if plain = bytes.TrimSuffix(plain, []byte(",")); !isEnd(all.peek(), fileEnd) {
				return nil, nil, fmt.Errorf("%w: tensors of %q not at its end", errSpelling, file)
			}
			continue
		}
		if name, ok := between(line, `    "`, `": {`); inFiles && ok {
			file = name
		}
		if len(plain) > 0 {
			plain = append(plain, '\n')
		}
		if plain = append(plain, line...); len(plain) > maxPlain {
			return nil, nil, fmt.Errorf("more than %d bytes beside its tensors", maxPlain)
		}
	}
	if len(all.rest) > 0 { // Extra
		plain = bytes.TrimSuffix(plain, []byte(","))
	}
	return plain, tables, nil
}

// lines is a text that is read line by line.
type lines struct{ rest string }

func (l *lines) next() (line string) {
	line, l.rest, _ = strings.Cut(l.rest, "\n")
	return line
}

func (l *lines) peek() string {
	line, _, _ := strings.Cut(l.rest, "\n")
	return line
}

// isEnd reports whether line ends an object, with or without another one behind it.
func isEnd(line, end string) bool { return strings.TrimSuffix(line, ",") == end }

// between returns what stands between the two in a line.
func between(line, before, after string) (string, bool) {
	ok := len(line) >= len(before)+len(after) && strings.HasPrefix(line, before) && strings.HasSuffix(line, after)
	if !ok {
		return "", false
	}
	return line[len(before) : len(line)-len(after)], true
}

// table reads the tensors of a file, in the order of their names, and the line behind them. In an
// outline there are none.
func (l *lines) table(d detail) (map[string]*Tensor, error) {
	if d == outline {
		return nil, l.skipTable()
	}
	most := l.tensors()
	all, table := make([]Tensor, 0, most), make(map[string]*Tensor, most)
	for last, more := "", true; more; {
		line := l.next()
		quoted, ok := between(line, `        "`, `": {`)
		name, spelled := unquote(quoted)
		if !ok || !spelled || len(table) == most || len(table) > 0 && name <= last {
			return nil, fmt.Errorf("%w: the name %.60q", errSpelling, line)
		}
		t, rest, err := l.tensor()
		if err != nil {
			return nil, fmt.Errorf("%.60q: %w", name, err)
		}
		all = append(all, t)
		table[name], last, more = &all[len(all)-1], name, rest
	}
	if line := l.next(); line != tensorsEnd {
		return nil, fmt.Errorf("%w: the end %.60q", errSpelling, line)
	}
	return table, nil
}

func (l *lines) skipTable() error {
	_, rest, ok := strings.Cut(l.rest, "\n"+tensorsEnd+"\n")
	if !ok {
		return fmt.Errorf("%w: tensors without an end", errSpelling)
	}
	l.rest = rest
	return nil
}

// tensors is how many there are in the table that comes, if it is spelled as it should be.
func (l *lines) tensors() int {
	table, _, _ := strings.Cut(l.rest, "\n"+tensorsEnd)
	return strings.Count(table, `"range": [`)
}

// tensor reads one tensor behind its name, and whether another one comes.
func (l *lines) tensor() (t Tensor, more bool, err error) {
	ok := l.next() == `          "range": [`
	for i, after := range []string{",", ""} {
		digits, found := between(l.next(), "            ", after)
		n, err := strconv.ParseInt(digits, 10, 64)
		ok = ok && found && err == nil && (digits[0] != '0' || len(digits) == 1) && digits[0] != '+' && digits != "-0"
		t.Range[i] = n
	}
	ok = ok && l.next() == `          ],`
	sum, found := between(l.next(), `          "crc64nvme": "`, `"`)
	if !ok || !found {
		return t, false, fmt.Errorf("%w: its range", errSpelling)
	}
	if err := t.CRC.parse(sum); err != nil {
		return t, false, err
	}
	switch l.next() {
	case "        },":
		return t, true, nil
	case "        }":
		return t, false, nil
	}
	return t, false, fmt.Errorf("%w: its end", errSpelling)
}

// unquote reads a string without its quotes, and reports whether it is spelled as encoding/json does.
func unquote(text string) (string, bool) {
	if isPlain(text) {
		return text, true
	}
	quoted := []byte(`"` + text + `"`)
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return "", false
	}
	again, err := json.Marshal(s)
	return s, err == nil && bytes.Equal(again, quoted)
}

// isPlain reports whether a string is itself in JSON.
func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
