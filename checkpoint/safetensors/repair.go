package safetensors

// This file makes a right file of one that readers refuse, or that is written as this
// package would not. mend.go says what can be mended.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// Repair writes what the file src holds to a new file dst, in canonical form, and says
// what it has changed. These are mended:
//
//   - padding that JSON does not have, before or behind the header's object: control
//     characters (NUL among them), white space of Unicode, byte order marks, the byte A0;
//   - the header that the reference writes for metadata without tensors, which has ended
//     before the metadata;
//   - what only lenient reading takes, see the package comment: of tensors and metadata
//     keys of one name the last stays;
//   - bytes between tensors that only a tensor had whose name stands again;
//   - bytes behind the last tensor;
//   - what is legal but not canonical: order and alignment of tensors, other spellings,
//     empty metadata, checksums of tensors that are not there.
//
// All else is refused with the *FormatError of the reader, and nothing is written: what is
// cut off, overlaps, has other sizes than it says, bytes between tensors that nothing
// explains, unknown dtypes, other faults of the JSON. So is a tensor with a dim that int
// does not hold.
//
// Names, dtypes, shapes and bytes of the tensors and the strings of the metadata stay as they are
// ("kibisis.set" too: the repaired shard of a set is one). Stored checksums stay with their
// tensors and are not compared, because the data is not read but copied, inside the kernel
// where it can: use File.Verify. With o.Checksums, tensors that have none get one, which takes
// reading them. o.Align counts as for WriteFile, o.Metadata must be nil.
//
// The report has one entry for each change, with the rule, the tensor or key, the bytes
// of src and words; of one sort there are 100 at most, and one that says how many more.
// What is legal has the kind ErrNotCanonical. Where there is nothing to mend the report
// is empty, and dst is written all the same: then, and only then, it has the bytes of
// src, but for what o asks for.
//
// dst is written as by WriteFile: atomically, durably, in the place of a file that is
// there. It must not be src, since src is what there is to look at if something was dropped that
// should have stayed. With an error there is no report, but with ErrUnconfirmed there is.
// A set is repaired shard by shard.
func Repair(ctx context.Context, dst, src string, o *WriteOptions) ([]*FormatError, error) {
	opt, err := o.checked()
	if err != nil {
		return nil, err
	}
	if opt.Metadata != nil {
		return nil, fmt.Errorf("safetensors: repair %s: WriteOptions.Metadata is not for Repair", src)
	}
	if err := apart(dst, src); err != nil {
		return nil, err
	}
	file, err := fileSource(src)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return repair(ctx, fsys.OS, dst, file, opt)
}

// apart refuses two paths of one file.
func apart(dst, src string) error {
	a, err := os.Stat(src)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	// If dst cannot be looked at, writing it will say why.
	if b, err := os.Stat(dst); err == nil && os.SameFile(a, b) {
		return fmt.Errorf("safetensors: repair %s to %s: they are one file, and it must stay as it is", src, dst)
	}
	return nil
}

// repair closes src.
func repair(ctx context.Context, disk fsys.FS, dst string, src *source, o WriteOptions) (_ []*FormatError, err error) {
	found := &findings{path: src.path}
	f, err := openMended(src, found)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	p := &plan{old: f}
	if err := p.mend(o, found); err != nil {
		return nil, err
	}
	err = p.write(ctx, disk, dst, o)
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return nil, err
	}
	return found.all(), err
}

// openMended opens a file whose header may need mending. It owns src.
func openMended(src *source, found *findings) (*File, error) {
	h, err := mendHeader(src, found)
	if err == nil {
		err = h.fitsInt()
	}
	if err != nil {
		if f, ok := err.(*FormatError); ok {
			f.Path = src.path
		}
		return nil, errors.Join(err, src.close())
	}
	return fileOf(src.path, []*shard{{src: src, h: h}}), nil
}

// fitsInt refuses dims that Tensor.Shape cannot say.
func (h *header) fitsInt() error {
	for i := range h.entries {
		e, large := &h.entries[i], false
		h.dimsOf(e, func(dim uint64) { large = large || dim > math.MaxInt })
		if large {
			return h.fault(e, ErrOverflow, fmt.Sprintf("shape %s has a dim beyond %d", h.shapeText(e), math.MaxInt))
		}
	}
	return nil
}

// mend lays out the file to come, and tells of all in which it differs.
func (p *plan) mend(o WriteOptions, found *findings) error {
	if _, err := p.keep(&Edit{}); err != nil {
		return err
	}
	h := p.old.shards[0].h
	o.Metadata = p.keptMetadata(found)
	if err := p.lay(o); err != nil {
		return err
	}
	found.section()
	h.misaligned(found)
	p.disordered(found)
	if err := p.otherwise(o.Metadata, found); err != nil {
		return err
	}
	h.behind(p.old.shards[0].src.size, found)
	return nil
}

// keptMetadata is the metadata without what says nothing.
func (p *plan) keptMetadata(found *findings) map[string]string {
	metadata := p.old.Metadata()
	if metadata != nil && len(metadata) == 0 {
		found.add(func() *FormatError {
			return &FormatError{Kind: ErrNotCanonical, Field: metadataName, Detail: "the metadata is empty: taken out"}
		})
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		name, ok := strings.CutPrefix(key, metakey.Checksum)
		if _, there := p.old.lookup(name); !ok || there {
			continue
		}
		delete(metadata, key)
		found.add(func() *FormatError {
			return &FormatError{Kind: ErrNotCanonical, Field: key, Detail: "the checksum of a tensor that is not there: taken out"}
		})
	}
	if len(metadata) == 0 {
		return nil
	}
	return metadata
}

// misaligned tells of data that readers have to copy.
func (h *header) misaligned(found *findings) {
	if h.dataStart()%dataAlign != 0 {
		found.add(func() *FormatError {
			return &FormatError{
				Kind: ErrNotCanonical, Begin: 0, End: h.dataStart(),
				Detail: fmt.Sprintf("the data begins at byte %d, want a multiple of %d", h.dataStart(), dataAlign),
			}
		})
	}
	var first *entry
	n := 0
	for i := range h.entries {
		e := &h.entries[i]
		if e.begin%uint64(max(e.dtype.Bits()/8, 1)) != 0 {
			if n++; n == 1 {
				first = e
			}
		}
	}
	if n > 0 {
		found.add(func() *FormatError {
			return h.fault(first, ErrNotCanonical, fmt.Sprintf(
				"the first of %d tensors that do not begin at a multiple of the width of their elements", n))
		})
	}
}

// disordered tells of tensors that lie in another order.
func (p *plan) disordered(found *findings) {
	h := p.old.shards[0].h
	for at, i := range p.layout.order {
		if i == at { // what is kept was listed in file order
			continue
		}
		found.add(func() *FormatError {
			return h.fault(&h.entries[at], ErrNotCanonical, fmt.Sprintf(
				"tensors lie in another order: here belongs %q", shorten(p.layout.specs[i].Name)))
		})
		return
	}
}

// otherwise tells of a header that differs from the canonical one in nothing that was
// found yet.
func (p *plan) otherwise(metadata map[string]string, found *findings) error {
	if len(found.list) > 0 {
		return nil
	}
	plain, err := newLayout(p.layout.specs, WriteOptions{Metadata: metadata, Align: dataAlign}, nil)
	if err != nil {
		return err
	}
	h := p.old.shards[0].h
	if string(plain.header[lengthBytes:]) != string(h.text) {
		found.add(func() *FormatError {
			return &FormatError{
				Kind: ErrNotCanonical, Begin: lengthBytes, End: h.dataStart(),
				Detail: "the header is spelled in another way",
			}
		})
	}
	return nil
}
