package cli

// This file prints a listing for programs, as JSON.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
)

// printJSON prints one object, with a line for each tensor.
func printJSON(ctx context.Context, w *bufio.Writer, l *listing, _ bool) error {
	p := newJSONPrinter(w)
	p.text(`{"tensors":[`)
	separator := "\n"
	for r := range l.rows() {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.text(separator)
		p.value(r)
		separator = ",\n"
	}
	p.text("\n],\"metadata\":")
	p.value(orEmpty(l.metadata))
	p.text("}\n")
	return p.err
}

// orEmpty makes an object of no metadata, which would be null.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// A jsonPrinter writes values in which every rune can be seen. It keeps its
// first error.
type jsonPrinter struct {
	w       *bufio.Writer
	encoder *json.Encoder // into encoded
	encoded bytes.Buffer
	visible []byte
	err     error
}

func newJSONPrinter(w *bufio.Writer) *jsonPrinter {
	p := &jsonPrinter{w: w}
	p.encoder = json.NewEncoder(&p.encoded)
	p.encoder.SetEscapeHTML(false)
	return p
}

func (p *jsonPrinter) text(s string) {
	if p.err == nil {
		_, err := p.w.WriteString(s)
		p.err = writing(err)
	}
}

func (p *jsonPrinter) value(v any) {
	p.encoded.Reset()
	if err := p.encoder.Encode(v); err != nil {
		p.err = err
		return
	}
	p.visible = appendVisible(p.visible[:0], bytes.TrimSuffix(p.encoded.Bytes(), []byte("\n")))
	p.text(string(p.visible))
}
