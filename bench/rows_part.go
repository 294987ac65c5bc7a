package main

// This file is the rows that read a small part of a large file: one slice of 64 KiB, one
// tensor of 1 MiB.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const (
	partGroup = "part of a large file, in the page cache"
	coldGroup = "part of a large file, not in the page cache"
)

// A part is what one call reads: the i-th call from the i-th of the tensors.
type part struct {
	what    string
	op      string // of Python
	tensors []string
	row     int // -1 for the whole tensor
	size    int // bytes
}

func (p part) tensor(call int) string { return p.tensors[call%len(p.tensors)] }

// warmParts and coldParts lie far from each other: what somebody has mapped and touched
// stays in the page cache.
func (l *lab) warmParts() []part {
	return []part{
		{"slice of 64 KiB", "slice", bigLayers, 1, bigRow},
		{"tensor of 1 MiB", "tensor", []string{warmTensor}, -1, bigTensor},
	}
}

func (l *lab) coldParts() []part {
	return []part{
		{"slice of 64 KiB", "cold_slice", bigLayers, bigRows(int64(l.big)) / 2, bigRow},
		{"tensor of 1 MiB", "cold_tensor", []string{coldTensor}, -1, bigTensor},
	}
}

// makeBig makes the file, and opens it for the rows that do not.
func (l *lab) makeBig(ctx context.Context) (err error) {
	if l.bigPath != "" {
		return nil
	}
	l.bigPath = l.path("big.safetensors")
	if err := writeBig(ctx, l.bigPath, int64(l.big)); err != nil {
		return err
	}
	if l.bigFile, err = safetensors.Open(l.bigPath, nil); err != nil {
		return err
	}
	l.bigRaw, err = os.Open(l.bigPath)
	return err
}

func (l *lab) partRows() []*row {
	var all []*row
	for _, p := range l.warmParts() {
		with := fmt.Sprintf("%s of %s", p.what, humanize.IBytes(uint64(l.big)))
		rows := []*row{
			l.partOf(p, with+": pread, file open", l.preadPart),
			l.partOf(p, with+": Tensor, Slice, ReadInto, file open", func(p part, call int, into []byte) error {
				return readPart(l.bigFile, p, call, into)
			}),
			l.viewing(p, with+": Tensor, Slice, Bytes (a view), file open"),
			l.pythonPart(p, with+": Python get_"+p.op+" (a view), file open", p.op),
			l.partOf(p, with+": Open, Tensor, Slice, ReadInto", func(p part, call int, into []byte) error {
				return l.openPart(p, call, into, nil)
			}),
			l.pythonPart(p, with+": Python safe_open, get_"+p.op+" (a view)", "open_"+p.op),
		}
		for _, r := range rows {
			r.group, r.repeat = partGroup, true
			r.ready = func() error { return l.warmUp(p) }
		}
		all = append(all, compared(rows[0], rows[1], rows)...)
	}
	return all
}

func (l *lab) coldRows() []*row {
	var all []*row
	for _, p := range l.coldParts() {
		with := fmt.Sprintf("%s of %s", p.what, humanize.IBytes(uint64(l.big)))
		rows := []*row{
			l.partOf(p, with+": open the file, pread", l.openPreadPart),
			l.partOf(p, with+": Open, Tensor, Slice, ReadInto", func(p part, call int, into []byte) error {
				return l.openPart(p, call, into, nil)
			}),
			l.partOf(p, with+": Open with NoMmap, Tensor, Slice, ReadInto", func(p part, call int, into []byte) error {
				return l.openPart(p, call, into, &safetensors.OpenOptions{NoMmap: true})
			}),
			l.pythonPart(p, with+": Python safe_open, get_slice or get_tensor, clone", p.op),
		}
		for _, r := range rows {
			r.group = coldGroup
			r.ready = func() error { return dropPages(l.bigPath) }
			if !canDropPages {
				r.skip = "pages can be dropped from the cache on Linux only"
			}
		}
		all = append(all, compared(rows[0], rows[1], rows)...)
	}
	return all
}

// partOf is a row that reads into memory in use.
func (l *lab) partOf(p part, name string, read func(p part, call int, into []byte) error) *row {
	into := make([]byte, p.size)
	return &row{
		name: name, bytes: int64(p.size),
		blank: func() error { clear(into); return nil },
		run: func(_ context.Context, calls int) (time.Duration, error) {
			begin := time.Now()
			for call := range calls {
				if err := read(p, call, into); err != nil {
					return 0, err
				}
			}
			return time.Since(begin), nil
		},
		check: func(context.Context) error { return p.isFirst(into) },
	}
}

// viewing is a row that only finds the bytes, which lie in the mapped file.
func (l *lab) viewing(p part, name string) *row {
	var view []byte
	r := l.partOf(p, name, func(p part, call int, _ []byte) error {
		t, err := find(l.bigFile, p, call)
		if err != nil {
			return err
		}
		view, err = t.Bytes()
		return err
	})
	r.check = func(context.Context) error { return p.isFirst(view) }
	return r
}

// isFirst is an error unless got is what the first call reads.
func (p part) isFirst(got []byte) error {
	if !bytes.Equal(got, p.content()) {
		return errors.New("other bytes than those of the file")
	}
	return nil
}

// content is what the first call reads.
func (p part) content() []byte {
	data := make([]byte, p.size)
	fillRow(data, p.tensor(0), max(p.row, 0))
	return data
}

// pythonPart does p in Python, which knows the rows by their number.
func (l *lab) pythonPart(p part, name, op string) *row {
	return &row{
		name: name, bytes: int64(p.size), skip: l.noPeer,
		run: func(_ context.Context, calls int) (time.Duration, error) {
			return l.python.time(op, l.bigPath, calls)
		},
		check: func(context.Context) error {
			_, err := l.python.time("check_part", l.bigPath, int(crc32.ChecksumIEEE(p.content())))
			return err
		},
	}
}

// find finds a part as users do.
func find(f *safetensors.File, p part, call int) (safetensors.Tensor, error) {
	t, err := f.Tensor(p.tensor(call))
	if err != nil || p.row < 0 {
		return t, err
	}
	return t.Slice(safetensors.Range(p.row, p.row+1))
}

// readPart copies a part.
func readPart(f *safetensors.File, p part, call int, into []byte) error {
	t, err := find(f, p, call)
	if err != nil {
		return err
	}
	return t.ReadInto(into)
}

func (l *lab) openPart(p part, call int, into []byte, o *safetensors.OpenOptions) error {
	f, err := safetensors.Open(l.bigPath, o)
	if err != nil {
		return err
	}
	return errors.Join(readPart(f, p, call, into), f.Close())
}

// place is where in the file a part begins.
func (l *lab) place(p part, call int) (int64, error) {
	t, err := l.bigFile.Tensor(p.tensor(call))
	if err != nil {
		return 0, err
	}
	begin, _ := t.Range()
	return begin + int64(max(p.row, 0))*bigRow, nil
}

// preadPart is the floor: one system call, by who knows where.
func (l *lab) preadPart(p part, call int, into []byte) error {
	at, err := l.place(p, call)
	if err == nil {
		_, err = l.bigRaw.ReadAt(into, at)
	}
	return err
}

func (l *lab) openPreadPart(p part, call int, into []byte) error {
	at, err := l.place(p, call)
	if err != nil {
		return err
	}
	f, err := os.Open(l.bigPath)
	if err != nil {
		return err
	}
	_, err = f.ReadAt(into, at)
	return errors.Join(err, f.Close())
}

// warmUp reads the header, and all that the calls for p do.
func (l *lab) warmUp(p part) error {
	into := make([]byte, p.size)
	for call := range p.tensors {
		if err := l.openPart(p, call, into, nil); err != nil {
			return err
		}
	}
	return nil
}
