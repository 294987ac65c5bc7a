package main

// This file is the rows that open a file and read its header, and nothing else.

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const openGroup = "open, header only"

// openCounts are the numbers of tensors in the files that are made to be opened.
var openCounts = []int{100, 10_000, 100_000}

func (l *lab) openRows() []*row {
	var rows []*row
	for _, n := range openCounts {
		rows = append(rows, l.opening(humanize.Comma(int64(n))+" tensors", l.tensorsPath(n), n)...)
	}
	return append(rows, l.opening("the model", l.plain, len(l.source.tensors))...)
}

// opening is the rows for one file of n tensors.
func (l *lab) opening(what, path string, n int) []*row {
	rows := []*row{
		{name: what + ": read the header's bytes", run: timed(func(context.Context) error {
			_, err := readHeader(path)
			return err
		})},
		{name: what + ": safetensors.Open", run: timed(func(context.Context) error { return openFile(path, n) })},
		{name: what + ": Python safe_open", skip: l.noPeer, run: func(_ context.Context, calls int) (time.Duration, error) {
			return l.python.time("safe_open", path, calls)
		}},
	}
	for _, r := range rows {
		r.group, r.repeat = openGroup, true
	}
	return compared(rows[0], rows[1], rows)
}

// readHeader reads all that comes before the data, into new memory.
func readHeader(path string) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var length [8]byte
	if _, err := io.ReadFull(f, length[:]); err != nil {
		return nil, err
	}
	header := make([]byte, 8+binary.LittleEndian.Uint64(length[:]))
	copy(header, length[:])
	_, err = io.ReadFull(f, header[8:])
	return header, err
}

func openFile(path string, n int) error {
	f, err := safetensors.Open(path, nil)
	if err != nil {
		return err
	}
	if f.Len() != n {
		err = fmt.Errorf("%s has %d tensors, want %d", path, f.Len(), n)
	}
	return errors.Join(err, f.Close())
}

// writeTensors writes a file of n tensors of 24 bytes each.
func writeTensors(path string, n int) (err error) {
	src := make([]safetensors.Source, n)
	data := make([]byte, 24)
	for i := range src {
		name := fmt.Sprintf("model.layers.%d.self_attn.%d.weight", i/8, i%8)
		src[i] = safetensors.Source{Name: name, DType: safetensors.F32, Shape: []int{2, 3}, Data: data}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	if err := safetensors.Encode(w, src, nil); err != nil {
		return err
	}
	return w.Flush()
}
