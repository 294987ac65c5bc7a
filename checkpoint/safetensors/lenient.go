package safetensors

// This file holds what only the lenient reader takes: spellings that the
// format's text does not have and the reference reads, because serde does.

const (
	// minArray is the fewest header bytes that a tensor with a name of three
	// bytes takes in array form: `"abc":["F4",[],[0,0]],`.
	minArray = 22
	// maxShort is more than there are names of fewer bytes.
	maxShort = 11_000
)

// count returns a bound on the number of different names. Entries in array form
// are short, and there may be any number of one name: so the members are counted,
// and what they could be if all names were different.
func (h *header) count() (int, error) {
	n := 0
	err := h.root(func(ref) error { n++; return h.skip() })
	h.pos, h.arena = 0, h.arena[:0]
	return min(n, (len(h.text)+3*maxShort)/minArray), err
}

// array takes an entry written as [dtype, shape, data_offsets], serde's short
// form of a struct.
func (h *header) array(e *entry) error {
	size := newSizer()
	fields := [...]int{dtypeField, shapeField, offsetsField}
	n := 0
	err := h.items('[', ']', func() error {
		if n++; n > len(fields) {
			return h.fail("an entry of more than %d items", len(fields))
		}
		return h.value(fields[n-1], e, &size)
	})
	if err != nil {
		return err
	}
	if n < len(fields) {
		return h.fail("an entry of %d items, want %d", n, len(fields))
	}
	return h.complete(e, allFields, size)
}

// dtypeMap takes a dtype written as {"I32":null}, serde's long form of an enum.
func (h *header) dtypeMap() (d DType, err error) {
	n := 0
	err = h.items('{', '}', func() error {
		if d, err = h.dtypeName(); err != nil {
			return err
		}
		if err := h.expect(':'); err != nil {
			return err
		}
		n++
		h.peek()
		return h.literal("null")
	})
	if err == nil && n != 1 {
		err = h.fail("a dtype of %d names, want 1", n)
	}
	return d, err
}
