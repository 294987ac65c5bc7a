package main

// This file is what programs for Gorgonia have done so far: one encoder, each
// tensor encoded in turn. It is so much slower that it gets a smaller model.

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"gorgonia.org/tensor"
)

func (l *lab) gobRow(group, verb, path string) *row {
	size := 4 * int64(elements(transformer(int64(l.gobSize), 32, layers)))
	name := fmt.Sprintf("gob, %s %s", verb, humanize.IBytes(uint64(l.gobSize)))
	return &row{group: group, name: name, bytes: size, few: 3, clean: l.discard(path)}
}

func (l *lab) gobEncode(group string) *row {
	path := l.path("encoded.gob")
	r := l.gobRow(group, "encode", path)
	r.run = func(ctx context.Context, calls int) (time.Duration, error) {
		m := newModel(int64(l.gobSize)) // only while it is needed
		m.fill()
		return timed(func(context.Context) error { return encode(path, m) })(ctx, calls)
	}
	return r
}

func (l *lab) gobDecode(group string) *row {
	path := l.path("decoded.gob")
	r := l.gobRow(group, "decode", path)
	r.run = func(ctx context.Context, calls int) (time.Duration, error) {
		from, into := newModel(int64(l.gobSize)), newModel(int64(l.gobSize))
		from.fill()
		if err := encode(path, from); err != nil {
			return 0, err
		}
		took, err := timed(func(context.Context) error { return decode(path, into) })(ctx, calls)
		return took, errors.Join(err, into.equals(from))
	}
	return r
}

func encode(path string, m *model) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	enc := gob.NewEncoder(f)
	for _, name := range slices.Sorted(maps.Keys(m.tensors)) {
		if err := enc.Encode(m.tensors[name]); err != nil {
			return err
		}
	}
	return nil
}

// decode fills the tensors that m has: a decoded one is a new one, and programs
// copy it into the value behind their node.
func decode(path string, m *model) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	dec := gob.NewDecoder(bufio.NewReader(f))
	for _, name := range slices.Sorted(maps.Keys(m.tensors)) {
		var t tensor.Dense
		if err := dec.Decode(&t); err != nil {
			return err
		}
		if err := tensor.Copy(m.tensors[name], &t); err != nil {
			return err
		}
	}
	return nil
}
