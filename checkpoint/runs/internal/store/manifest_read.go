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
)

// maxPlain is the longest manifest without its tensors, in bytes. It bounds the memory that a hostile
// one can take.
const maxPlain = 1 << 20

// errSpelling says that a manifest is not spelled as encode spells it.
var errSpelling = errors.New("not spelled as this program spells it")

// decode is the inverse of encode. An error says what is wrong with the bytes, and is ErrNewerFormat for
// good ones that say more than this program knows: whatever a format adds, its digest stays where
// it is.
func decode(b []byte) (*Manifest, error) {
	body, err := checkDigest(b)
	if err != nil {
		return nil, err
	}
	m, err := read(body)
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
func read(body []byte) (*Manifest, error) {
	if !bytes.HasPrefix(body, fmt.Appendf(nil, "{\n  \"format\": %d,\n", Format)) {
		return nil, fmt.Errorf("%w: another beginning", errSpelling)
	}
	plain, tables, err := cutTables(body)
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
)

// cutTables returns the manifest as it were without tensors, and the tensors of each file.
func cutTables(body []byte) (plain []byte, tables map[string]map[string]*Tensor, err error) {
	tables = map[string]map[string]*Tensor{}
	all := lines{body}
	inFiles, file := false, ""
	for len(all.rest) > 0 {
		line := all.next()
		switch {
		case string(line) == filesLine:
			inFiles = true
		case inFiles && isEnd(line, filesEnd):
			inFiles = false
		case inFiles && string(line) == tensorsLine:
			if tables[file], err = all.table(); err != nil {
				return nil, nil, fmt.Errorf("tensors of %q: %w", file, err)
			}
			if plain = bytes.TrimSuffix(plain, []byte(",")); !isEnd(all.peek(), fileEnd) {
				return nil, nil, fmt.Errorf("%w: tensors of %q not at its end", errSpelling, file)
			}
			continue
		}
		if name, ok := between(line, `    "`, `": {`); inFiles && ok {
			file = string(name)
		}
		if len(plain) > 0 {
			plain = append(plain, '\n')
		}
		if plain = append(plain, line...); len(plain) > maxPlain {
			return nil, nil, fmt.Errorf("more than %d bytes beside its tensors", maxPlain)
		}
	}
	return plain, tables, nil
}

// lines is a text that is read line by line.
type lines struct{ rest []byte }

func (l *lines) next() (line []byte) {
	line, l.rest, _ = bytes.Cut(l.rest, []byte("\n"))
	return line
}

func (l *lines) peek() []byte {
	line, _, _ := bytes.Cut(l.rest, []byte("\n"))
	return line
}

// isEnd reports whether line ends an object, with or without another one behind it.
func isEnd(line []byte, end string) bool {
	return string(bytes.TrimSuffix(line, []byte(","))) == end
}

// between returns what stands between the two in a line.
func between(line []byte, before, after string) ([]byte, bool) {
	ok := len(line) >= len(before)+len(after) && string(line[:len(before)]) == before && string(line[len(line)-len(after):]) == after
	if !ok {
		return nil, false
	}
	return line[len(before) : len(line)-len(after)], true
}

// table reads the tensors of a file, in the order of their names, and the line behind them.
func (l *lines) table() (map[string]*Tensor, error) {
	table := map[string]*Tensor{}
	for last, more := "", true; more; {
		line := l.next()
		quoted, ok := between(line, `        "`, `": {`)
		name, spelled := unquote(quoted)
		if !ok || !spelled || len(table) > 0 && name <= last {
			return nil, fmt.Errorf("%w: the name %.60q", errSpelling, line)
		}
		t, rest, err := l.tensor()
		if err != nil {
			return nil, fmt.Errorf("%.60q: %w", name, err)
		}
		table[name], last, more = t, name, rest
	}
	if line := l.next(); string(line) != tensorsEnd {
		return nil, fmt.Errorf("%w: the end %.60q", errSpelling, line)
	}
	return table, nil
}

// tensor reads one tensor behind its name, and whether another one comes.
func (l *lines) tensor() (t *Tensor, more bool, err error) {
	t = &Tensor{}
	ok := string(l.next()) == `          "range": [`
	for i, after := range []string{",", ""} {
		digits, found := between(l.next(), "            ", after)
		n, err := strconv.ParseInt(string(digits), 10, 64)
		ok = ok && found && err == nil && (digits[0] != '0' || len(digits) == 1) && digits[0] != '+' && string(digits) != "-0"
		t.Range[i] = n
	}
	ok = ok && string(l.next()) == `          ],`
	sum, found := between(l.next(), `          "crc64nvme": "`, `"`)
	if !ok || !found {
		return nil, false, fmt.Errorf("%w: its range", errSpelling)
	}
	if err := t.CRC.UnmarshalText(sum); err != nil {
		return nil, false, err
	}
	switch string(l.next()) {
	case "        },":
		return t, true, nil
	case "        }":
		return t, false, nil
	}
	return nil, false, fmt.Errorf("%w: its end", errSpelling)
}

// unquote reads a string without its quotes, and reports whether it is spelled as encoding/json does.
func unquote(b []byte) (string, bool) {
	if isPlain(b) {
		return string(b), true
	}
	quoted := slices.Concat([]byte{'"'}, b, []byte{'"'})
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return "", false
	}
	again, err := json.Marshal(s)
	return s, err == nil && bytes.Equal(again, quoted)
}

// isPlain reports whether a string is itself in JSON.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
