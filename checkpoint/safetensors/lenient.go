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
	it := h.items('{', '}')
	for ; it.next(); n++ {
		if _, err := h.key(); err != nil {
			return 0, err
		}
		if err := h.skip(); err != nil {
			return 0, err
		}
	}
	h.pos, h.arena = 0, h.arena[:0]
	return min(n, (len(h.text)+3*maxShort)/minArray), it.err
}

// array takes an entry written as [dtype, shape, data_offsets], serde's short
// form of a struct.
func (h *header) array(e *entry) error {
	size := newSizer()
	fields := [...]int{dtypeField, shapeField, offsetsField}
	n := 0
	it := h.items('[', ']')
	for it.next() {
		if n++; n > len(fields) {
			return h.fail("an entry of more than %d items", len(fields))
		}
		if err := h.value(fields[n-1], e, &size); err != nil {
			return err
		}
	}
	if it.err != nil {
		return it.err
	}
	if n < len(fields) {
		return h.fail("an entry of %d items, want %d", n, len(fields))
	}
	return h.complete(e, allFields, size)
}

// dtypeMap takes a dtype written as {"I32":null}, serde's long form of an enum.
func (h *header) dtypeMap() (d DType, err error) {
	n := 0
	it := h.items('{', '}')
	for it.next() {
		if d, err = h.dtypeName(); err != nil {
			return 0, err
		}
		if err := h.expect(':'); err != nil {
			return 0, err
		}
		n++
		h.peek()
		if err := h.literal("null"); err != nil {
			return 0, err
		}
	}
	if it.err == nil && n != 1 {
		it.err = h.fail("a dtype of %d names, want 1", n)
	}
	h.maps++
	return d, it.err
}
