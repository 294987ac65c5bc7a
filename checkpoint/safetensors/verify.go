package safetensors

// This file compares tensors with the checksums that the metadata holds.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/crc"
	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// Verify reads the tensor and compares its bytes with the checksum in the
// metadata of its file. It reports whether there is one. A difference is a
// *FormatError of ErrChecksum. A slice is verified by the whole tensor.
func (t Tensor) Verify() (stored bool, err error) {
	want, stored := t.stored()
	if !stored {
		return false, nil
	}
	d, whole := newSum(), t.f.tensor(t.e)
	buf := make([]byte, min(whole.Size()+1, sumStep))
	if _, err := io.CopyBuffer(d, io.NewSectionReader(whole, 0, whole.Size()), buf); err != nil {
		return true, err
	}
	return true, t.compare(d.Sum64(), want)
}

// VerifyBytes is Verify for bytes of the whole tensor that were read before.
func (t Tensor) VerifyBytes(p []byte) (stored bool, err error) {
	want, stored := t.stored()
	if !stored {
		return false, nil
	}
	return true, t.compare(checksum(p), want)
}

// stored is the checksum in the metadata, as it is spelled.
func (t Tensor) stored() (text string, ok bool) {
	text, ok = t.f.metadata()[metakey.Checksum+t.Name()]
	return text, ok
}

func (t Tensor) compare(sum uint64, want string) error {
	got := spell(sum)
	if got == want {
		return nil
	}
	begin, end := t.Range()
	return &FormatError{
		Kind: ErrChecksum, Path: t.f.src.path, Tensor: t.Name(), Begin: begin, End: end,
		Detail: fmt.Sprintf("CRC-64/NVME is %s, stored %q", got, clip([]byte(want))),
	}
}

// Verify compares all tensors that have a checksum in the metadata with it, on
// all cores, and returns how many those are. Every difference is in the error, a
// *FormatError of ErrChecksum each, in the order of All. When ctx is done or
// reading fails it stops, and says that it checked 0.
func (f *File) Verify(ctx context.Context) (checked int, err error) {
	p := f.newPass(nil, true)
	if err := p.run(ctx); err != nil {
		return 0, err
	}
	return p.checked, p.compare(f.shards)
}

// A wanted is the checksum that the metadata has of an entry.
type wanted struct {
	sum uint64
	is  bool   // whether there is one
	bad bool   // whether it is spelled as no checksum is
	odd string // what a bad one is, for the message
}

// text is the checksum as it is spelled.
func (w wanted) text() string {
	if w.bad {
		return w.odd
	}
	return spell(w.sum)
}

// wanted returns the checksums of all entries, and how many there are. It decodes
// no other metadata, which a hostile header may have much of.
func (s *shard) wanted() (all []wanted, n int) {
	s.h.eachPair(nil, func(key, value []byte) {
		name, ok := strings.CutPrefix(string(key), metakey.Checksum)
		if !ok {
			return
		}
		i, ok := s.h.lookup(name)
		if t, listed := s.file.lookup(name); !ok || !listed || t.f != s {
			return
		}
		if all == nil {
			all = make([]wanted, len(s.h.entries))
		}
		if !all[i].is {
			n++
		}
		all[i] = newWanted(value)
	})
	return all, n
}

func newWanted(value []byte) wanted {
	if sum, ok := parseSum(string(value)); ok {
		return wanted{sum: sum, is: true}
	}
	return wanted{is: true, bad: true, odd: string(clip(value))}
}

// parseSum is the checksum that spell would spell so.
func parseSum(value string) (sum uint64, ok bool) {
	sum, err := strconv.ParseUint(value, 16, 64)
	return sum, err == nil && spell(sum) == value
}

// runs are the stretches of the file that hold wanted tensors and nothing else.
func (s *shard) runs(want []wanted) (runs []stretch) {
	for i := range want {
		begin, end := s.h.absolute(s.h.entries[i].begin), s.h.absolute(s.h.entries[i].end)
		switch last := len(runs) - 1; {
		case !want[i].is:
		case last >= 0 && runs[last].end == begin:
			runs[last].end = end
		default:
			runs = append(runs, stretch{s: s, begin: begin, end: end, want: want})
		}
	}
	return runs
}

// compare puts the sums of tensors together from those of their parts and compares
// them with what is wanted.
func (p *pass) compare(shards []*shard) error {
	var errs []error
	left := p.stretches // by shard
	for i, s := range shards {
		got := make([]uint64, len(p.want[i])) // the checksum of nothing is 0
		for ; len(left) > 0 && left[0].s == s; left = left[1:] {
			for _, part := range left[0].parts {
				got[part.entry] = crc.Join(got[part.entry], part.sum, part.size)
			}
		}
		errs = append(errs, s.compare(p.want[i], got)...)
	}
	return errors.Join(errs...)
}

// compare returns an error for each entry of which got is not what is wanted.
func (s *shard) compare(want []wanted, got []uint64) (errs []error) {
	for i, w := range want {
		if w.is && (w.bad || w.sum != got[i]) {
			t := s.tensor(&s.h.entries[i])
			errs = append(errs, t.compare(got[i], w.text()))
		}
	}
	return errs
}
