package main

// This file makes the large file of which rows read small parts.

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const (
	bigRow    = 64 << 10 // bytes of a row of a large tensor
	bigTensor = 1 << 20  // bytes of a small one
)

// bigLayers are the names of the large tensors. The small ones are the first in the file,
// warmTensor, and the last.
var bigLayers = func() []string {
	names := make([]string, 16)
	for i := range names {
		names[i] = fmt.Sprintf("layers.%02d.weight", i)
	}
	return names
}()

const (
	warmTensor = "bias"
	coldTensor = "norm"
)

// bigRows is how many rows a large tensor of a file of about size bytes has.
func bigRows(size int64) int {
	return max(int((size-2*bigTensor)/int64(len(bigLayers))/bigRow), 2)
}

// writeBig writes the file and waits for the disk. It is not in the page cache then, or
// not all of it.
func writeBig(ctx context.Context, path string, size int64) error {
	src := []safetensors.Source{bigSource(warmTensor, bigTensor, 1), bigSource(coldTensor, bigTensor, 1)}
	for _, name := range bigLayers {
		src = append(src, bigSource(name, bigRow, bigRows(size)))
	}
	return safetensors.WriteFile(ctx, path, src, nil)
}

// bigSource is a tensor of rows of so many bytes.
func bigSource(name string, row, rows int) safetensors.Source {
	return safetensors.Source{
		Name: name, DType: safetensors.F32, Shape: []int{rows, row / 4},
		WriteData: func(w io.Writer) error {
			data := make([]byte, row)
			for i := range rows {
				fillRow(data, name, i)
				if _, err := w.Write(data); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// fillRow makes the bytes of a row, which are of no other. Its length is a multiple of 8.
func fillRow(row []byte, name string, i int) {
	random := rand.NewPCG(uint64(crc32.ChecksumIEEE([]byte(name))), uint64(i))
	for at := 0; at < len(row); at += 8 {
		binary.LittleEndian.PutUint64(row[at:], random.Uint64())
	}
}
