package main

// This file is the rows that open a file and read its header, and nothing else.

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
		what := humanize.Comma(int64(n)) + " tensors"
		rows = append(rows, l.opening(what, l.tensorsPath(n), n)...)
		rows = append(rows, l.opening(what+", shuffled", l.shuffledPath(n), n)...)
	}
	return append(rows, l.opening("the model", l.plain, len(l.source.tensors))...)
}

// makeOpenFiles makes the files of many small tensors.
func (l *lab) makeOpenFiles(context.Context) error {
	for _, n := range openCounts {
		if err := writeTensors(l.tensorsPath(n), n); err != nil {
			return err
		}
		if err := writeShuffled(l.shuffledPath(n), n); err != nil {
			return err
		}
	}
	return nil
}

// tensorsPath is where the file of n tensors is.
func (l *lab) tensorsPath(n int) string { return l.path(fmt.Sprintf("tensors-%d.safetensors", n)) }

// shuffledPath is where the same tensors are with their entries in another order.
func (l *lab) shuffledPath(n int) string { return l.path(fmt.Sprintf("shuffled-%d.safetensors", n)) }

// opening is the rows for one file of n tensors.
func (l *lab) opening(what, path string, n int) []*row {
	rows := []*row{
		{name: what + ": read the header's bytes", run: timed(func(context.Context) error {
			_, err := readHeader(path)
			return err
		})},
		{name: what + ": safetensors.Open", counted: true, run: timed(func(context.Context) error { return openFile(path, n) })},
		{name: what + ": Rust, map and deserialize", skip: l.noRust, run: func(ctx context.Context, calls int) (time.Duration, error) {
			return l.rust.open(ctx, path, n, calls)
		}},
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

// tensorName and tensorBytes are of the tensors of all files that are made to be opened.
// They are in the order of their names, and therefore of the writer.
func tensorName(i int) string {
	return fmt.Sprintf("model.layers.%05d.self_attn.%d.weight", i/8, i%8)
}

const tensorBytes = 24

// writeTensors writes a file of n tensors of 2 by 3 float32.
func writeTensors(path string, n int) error {
	src := make([]safetensors.Source, n)
	data := make([]byte, tensorBytes)
	for i := range src {
		src[i] = safetensors.Source{Name: tensorName(i), DType: safetensors.F32, Shape: []int{2, 3}, Data: data}
	}
	return writeBuffered(path, func(w io.Writer) error { return safetensors.Encode(w, src, nil) })
}

// writeShuffled writes the same tensors with a header whose entries stand in another order
// than the data, which no writer known does and every reader must take.
func writeShuffled(path string, n int) error {
	header := []byte{'{'}
	for _, i := range rand.New(rand.NewPCG(uint64(n), 0)).Perm(n) {
		header = fmt.Appendf(header, `%q:{"dtype":"F32","shape":[2,3],"data_offsets":[%d,%d]},`,
			tensorName(i), tensorBytes*i, tensorBytes*(i+1))
	}
	header[len(header)-1] = '}'
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	return writeBuffered(path, func(w io.Writer) error {
		for _, part := range [][]byte{
			binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header, make([]byte, tensorBytes*n),
		} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeBuffered(path string, write func(w io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}
