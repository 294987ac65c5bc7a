// Package vectors reads the conformance corpus in testdata/vectors: files that
// readers of safetensors disagree on, as text that a person can read, each with
// the outcome it must have. Tests of the codec, of remote files and of the command
// run the same ones.
//
// A vector is three blocks:
//
//	strict     duplicate                 the outcome: ok, or the kind of the error
//	lenient    ok                        the same with OpenOptions.Lenient
//	reference  ok                        the reference's: ok, or its error's name
//	tensor     "t" I32 [] 0:4            of a file that opens, in file order:
//	metadata   "k" "v"                   name, dtype, shape, data_offsets; sorted keys
//
//	# A comment: what is unusual, and why it matters.
//	# differs: why our outcome is not the reference's, where it is not.
//
//	header     {"t":{"dtype": ...        text as it stands, to the end of the line
//	header     "\x00" * 3                or a Go string, once or several times
//	data       00 01 02 03               hex
//	data       "\x00" * 16               or a Go string
//
// Lines of header follow each other without a break, and so do those of data. In
// front of them go the eight bytes of the header's length, which `length N`
// replaces by another number. `file` instead of all of these gives the bytes of a
// whole file.
package vectors

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// A Vector is one file and what must become of it.
type Vector struct {
	Name      string // its path in the corpus, without ".txt"
	Strict    string // "ok" or the word of an ErrorKind
	Lenient   string
	Reference string // "ok" or a variant of the reference's error
	// Tensors and Metadata are what a file that opens holds, as the vector
	// spells it: `"t" I32 [2,3] 0:24` in file order, `"k" "v"` by key.
	Tensors, Metadata []string
	Comment           string
	Differs           string // why Strict is not Reference
	File              []byte
}

// Load reads every vector of the corpus in folder dir.
func Load(dir string) ([]Vector, error) {
	var all []Vector
	corpus := os.DirFS(dir)
	err := fs.WalkDir(corpus, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".txt" {
			return err
		}
		text, err := fs.ReadFile(corpus, name)
		if err != nil {
			return err
		}
		v, err := Parse(string(text))
		if err != nil {
			return fmt.Errorf("vectors: %s: %w", name, err)
		}
		v.Name = strings.TrimSuffix(name, ".txt")
		all = append(all, v)
		return nil
	})
	return all, err
}

// Parse reads one vector.
func Parse(text string) (Vector, error) {
	var v Vector
	p := parser{v: &v}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if err := p.line(line); err != nil {
			return v, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return v, p.finish()
}

// A parser collects the parts of the file.
type parser struct {
	v            *Vector
	length       *uint64
	header, data []byte
	whole        bool
}

func (p *parser) line(line string) error {
	if line == "" {
		return nil
	}
	if comment, ok := strings.CutPrefix(line, "#"); ok {
		p.comment(strings.TrimSpace(comment))
		return nil
	}
	key, rest, ok := strings.Cut(line, " ")
	if !ok {
		return fmt.Errorf("no value behind %q", line)
	}
	return p.field(key, strings.TrimLeft(rest, " "))
}

func (p *parser) comment(text string) {
	if why, ok := strings.CutPrefix(text, "differs: "); ok {
		p.v.Differs = why
		return
	}
	into := &p.v.Comment
	if p.v.Differs != "" {
		into = &p.v.Differs
	}
	*into = strings.TrimSpace(*into + " " + text)
}

func (p *parser) field(key, value string) (err error) {
	switch key {
	case "strict":
		p.v.Strict = value
	case "lenient":
		p.v.Lenient = value
	case "reference":
		p.v.Reference = value
	case "tensor":
		p.v.Tensors = append(p.v.Tensors, value)
	case "metadata":
		p.v.Metadata = append(p.v.Metadata, value)
	case "length":
		n, err := strconv.ParseUint(value, 10, 64)
		p.length = &n
		return err
	case "header":
		p.header, err = appendBytes(p.header, value, func(s string) ([]byte, error) { return []byte(s), nil })
	case "data":
		p.data, err = appendBytes(p.data, value, unhex)
	case "file":
		p.whole = true
		p.data, err = appendBytes(p.data, value, unhex)
	default:
		return fmt.Errorf("unknown field %q", key)
	}
	return err
}

// appendBytes appends what value stands for: a Go string, once or several times,
// or whatever plain makes of it.
func appendBytes(b []byte, value string, plain func(string) ([]byte, error)) ([]byte, error) {
	quoted, err := strconv.QuotedPrefix(value)
	if err != nil || quoted[0] == '\'' {
		more, err := plain(value)
		return append(b, more...), err
	}
	text, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, err
	}
	times := 1
	if rest := strings.TrimSpace(value[len(quoted):]); rest != "" {
		count, ok := strings.CutPrefix(rest, "* ")
		if !ok {
			return nil, fmt.Errorf("%q behind a string", rest)
		}
		if times, err = strconv.Atoi(count); err != nil {
			return nil, err
		}
	}
	return append(b, strings.Repeat(text, times)...), nil
}

func unhex(s string) ([]byte, error) { return hex.DecodeString(strings.ReplaceAll(s, " ", "")) }

// finish puts the file together and looks for what is missing.
func (p *parser) finish() error {
	for name, value := range map[string]string{
		"strict": p.v.Strict, "lenient": p.v.Lenient, "reference": p.v.Reference, "a comment": p.v.Comment,
	} {
		if value == "" {
			return fmt.Errorf("the vector lacks %s", name)
		}
	}
	if p.whole {
		p.v.File = bytes.Clone(p.data)
		return nil
	}
	n := uint64(len(p.header))
	if p.length != nil {
		n = *p.length
	}
	p.v.File = append(append(binary.LittleEndian.AppendUint64(nil, n), p.header...), p.data...)
	return nil
}
