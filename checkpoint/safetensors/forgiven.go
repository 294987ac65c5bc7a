package safetensors

// This file finds what the lenient reader passed over. The reader itself notes none of
// it: the header is walked once more when somebody asks.

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
)

// Forgiven returns what the lenient reader passed over and the strict one would have
// refused: of a set first what its index has, then by shard and in the order of the
// headers. Of two tensors or metadata keys of one name it is the one that does not
// count. 100 faults are listed at most; the Detail of a last one says how many there
// are besides. It is nil for a File that was opened strictly, or has no faults.
//
// Each call walks the headers anew, and its result is the caller's.
func (f *File) Forgiven() []*FormatError {
	var found findings
	for _, e := range f.forgiven {
		found.add(func() *FormatError { c := *e; return &c })
	}
	for _, s := range f.shards {
		if s.h.lenient {
			found.path = s.src.path
			s.h.forgiven(&found, nil)
		}
	}
	return found.all()
}

// maxFindings is how many findings are listed: a hostile header could have millions.
const maxFindings = 100

// A findings collects what is found in a file.
type findings struct {
	path  string
	list  []*FormatError
	begun int // where in the list the section begins
	more  int // how many of this section are not listed
}

// add adds the finding, unless there are enough of them.
func (f *findings) add(finding func() *FormatError) {
	if len(f.list)-f.begun >= maxFindings {
		f.more++
		return
	}
	e := finding()
	if e.Path == "" {
		e.Path = f.path
	}
	f.list = append(f.list, e)
}

// section begins another list, which has room of its own.
func (f *findings) section() {
	f.list = f.all()
	f.begun, f.more = len(f.list), 0
}

// all returns the findings, and counts those that are not listed in a last one.
func (f *findings) all() []*FormatError {
	if f.more == 0 {
		return f.list
	}
	last := f.list[len(f.list)-1]
	return append(slices.Clip(f.list), &FormatError{
		Kind: last.Kind, Path: last.Path, Detail: fmt.Sprintf("and %d more, of this kind or another", f.more),
	})
}

// A rewalk walks a header that the lenient reader has taken.
type rewalk struct {
	header // of the same text, to scan it
	first  *header
	found  *findings
	lost   func(entry)
}

// forgiven finds what the lenient reader has passed over in h, and calls lost, unless it
// is nil, with every entry that another one of its name has replaced.
func (h *header) forgiven(found *findings, lost func(entry)) {
	w := rewalk{header{scanner: scanner{text: h.text}, lenient: true, meta: -1}, h, found, lost}
	it := w.items('{', '}')
	for it.err == nil && it.next() {
		it.err = w.member()
	}
	if it.err != nil {
		panic("safetensors: a header that was parsed before: " + it.err.Error())
	}
}

func (w *rewalk) member() error {
	var e entry
	if w.canonical(&e) {
		w.compare(&e)
		return nil
	}
	key, err := w.key()
	if err != nil {
		return err
	}
	if string(w.bytes(key)) == metadataName {
		return w.metadata()
	}
	return w.tensor(key)
}

// tensor takes an entry that may be in one of the forms that only the lenient reader
// takes.
func (w *rewalk) tensor(name ref) (err error) {
	e := entry{name: name}
	list, maps := w.peek() == '[', w.maps
	begin := w.pos
	if list {
		err = w.array(&e)
	} else {
		err = w.object(&e)
	}
	if err != nil {
		return err
	}
	if list {
		w.inText(&e, "", begin, "the entry is a list; a lenient reader takes [dtype, shape, data_offsets]")
	}
	if w.maps > maps {
		w.inText(&e, fieldNames[dtypeField], begin, `the dtype is an object; a lenient reader takes {"F32":null}`)
	}
	w.compare(&e)
	return nil
}

// inText adds a fault of the entry whose text begins at begin and ends here.
func (w *rewalk) inText(e *entry, field string, begin int, detail string) {
	w.found.add(func() *FormatError {
		return &FormatError{
			Kind: ErrHeaderJSON, Tensor: string(w.bytes(e.name)), Field: field, Detail: detail,
			Begin: lengthBytes + int64(begin), End: lengthBytes + int64(w.pos),
		}
	})
}

// compare adds a fault if e is not the entry that counts for its name: shapes stand at
// different places of the text.
func (w *rewalk) compare(e *entry) {
	counts := w.first.named(w.bytes(e.name))
	if counts.shape == e.shape {
		return
	}
	w.found.add(func() *FormatError {
		return w.fault(e, ErrDuplicate, fmt.Sprintf(
			"stands again in the header; a lenient reader takes the last, which has bytes [%d:%d)",
			w.absolute(counts.begin), w.absolute(counts.end)))
	})
	if w.lost != nil {
		e.name = counts.name // this one's may lie in an arena that goes
		w.lost(*e)
	}
}

// named returns the entry of a name that is there.
func (h *header) named(name []byte) *entry {
	s := h.names.find(maphash.Bytes(h.names.seed, name), func(i uint32) bool { return bytes.Equal(h.nameOf(i), name) })
	return &h.entries[*s&h.names.numbers-1]
}

// metadata takes the value of __metadata__.
func (w *rewalk) metadata() error {
	if w.peek() == 'n' {
		return w.literal("null")
	}
	w.meta = w.pos
	pairs, arena := 0, len(w.arena)
	if err := w.pairs(func(_, _ ref) error {
		pairs++
		w.arena = w.arena[:arena]
		return nil
	}); err != nil {
		return err
	}
	return w.uniqueKeys(pairs, w.keyAgain)
}

// keyAgain adds the fault of a metadata key that stands again at that place.
func (w *rewalk) keyAgain(key ref, at uint32) error {
	w.found.add(func() *FormatError {
		return &FormatError{
			Kind: ErrDuplicate, Field: string(w.bytes(key)),
			Begin: lengthBytes + int64(at), End: lengthBytes + int64(w.stringEnd(at)),
			Detail: "stands again in the metadata; a lenient reader takes the last",
		}
	})
	return nil
}

// stringEnd is where the string that begins at pos ends.
func (w *rewalk) stringEnd(pos uint32) int {
	s := w.scanner
	s.pos = int(pos)
	_, _ = s.str() // which was taken before
	return s.pos
}
