package checkpoint

// This file says what a load did.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
)

// A Report says what a load did. All lists are sorted by the model's names.
type Report struct {
	Loaded     []string     // parameters that have the file's values now
	Missing    []string     // left as they were: not in the file
	Kept       []string     // left as they were: another shape in the file
	Unexpected []string     // tensors of the file that the model lacks
	Casts      []CastReport // what conversions of dtype did, where any was made
	Bytes      int64        // copied
	// Aliased gives, for parameters that the file does not have under their own
	// name, the name of the tensor they were loaded from.
	Aliased map[string]string
}

func (r *Report) sort() {
	slices.Sort(r.Loaded)
	slices.Sort(r.Missing)
	slices.Sort(r.Kept)
}

// String is one line for a log.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "loaded %d parameters, %s", len(r.Loaded), humanize.IBytes(uint64(r.Bytes)))
	for _, part := range []struct {
		n    int
		text string
	}{
		{len(r.Aliased), "by another name"},
		{len(r.Casts), "converted"},
		{len(r.Missing), "missing"},
		{len(r.Kept), "kept for their shape"},
		{len(r.Unexpected), "unexpected"},
	} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.text)
		}
	}
	return b.String()
}
