package safetensors

// This file is the options of all that writes.

import (
	"fmt"
	"math/bits"
)

// WriteOptions tunes all that writes. Nil means: no metadata, no checksums, data at a
// multiple of 8, durable, silent.
type WriteOptions struct {
	// Metadata is written as given; nil writes none, an empty map an empty one. Rewrite
	// and Repair take none. (Loaders of the Hugging Face libraries refuse metadata
	// without "format".)
	Metadata map[string]string
	// Checksums adds the CRC-64/NVME of every tensor to the metadata: see the
	// package comment. Files get them while they are written, at almost no cost;
	// Encode makes a pass over the data before the first byte is written.
	Checksums bool
	// Align is the multiple of bytes at which the data begins, a power of two from
	// 8 to 1 MiB: 4096 lets readers take the data around the page cache. Spaces
	// behind the header fill the gap, which every reader accepts, and nothing else
	// changes. 0 means 8, and the bytes of the reference. Tensors within the data
	// lie without gaps whatever Align is.
	Align int
	// NoSync does not wait for the disk: other programs see the old file or the
	// new one, whole, but after a power cut it may hold anything. Encode has no
	// use for it.
	NoSync bool
	// Progress is told how many bytes of the whole file were written so far,
	// after each piece of at most 8 MiB. It runs on the goroutine that writes,
	// which waits for it, and never twice at once; it must not call the Writer.
	Progress func(done, total int64)
}

// maxAlign is the largest Align, in bytes. Exactly this many is legal.
const maxAlign = 1 << 20

// checked returns the options with defaults filled in.
func (o *WriteOptions) checked() (WriteOptions, error) {
	if o == nil {
		return WriteOptions{Align: dataAlign}, nil
	}
	c := *o
	if c.Align == 0 {
		c.Align = dataAlign
	}
	if c.Align < dataAlign || c.Align > maxAlign || bits.OnesCount(uint(c.Align)) != 1 {
		return c, fmt.Errorf("safetensors: Align is %d, must be 0 or a power of two from %d to %d", c.Align, dataAlign, maxAlign)
	}
	return c, nil
}
