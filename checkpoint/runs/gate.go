package runs

// This file is the gate for states that are not finite. It reads the copy, in the background.

import (
	"fmt"
	"slices"
	"sync"
)

// notFinite collects what is wrong with a snapshot.
type notFinite struct {
	mu    sync.Mutex
	found []string
}

// scan looks at all tensors of a part. NaN is bad everywhere; an infinity is in trained weights and in
// what an optimizer remembers, while buffers may hold one, such as a mask.
func (n *notFinite) scan(p *filePlan, of trained) {
	for i, s := range p.specs {
		nan, inf := notFiniteIn(p.set.Tensor(i), s.DType)
		strict := p.file.slots || of.has(s.Name)
		switch {
		case nan.count > 0:
			n.add(p.file.name, s.Name, "NaN", nan)
		case inf.count > 0 && strict:
			n.add(p.file.name, s.Name, "infinite", inf)
		}
	}
}

func (n *notFinite) add(file, tensor, what string, f found) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.found = append(n.found, fmt.Sprintf("%s: %s: %d %s, the first at element %d", file, tensor, f.count, what, f.first))
}

// list is what was found, sorted.
func (n *notFinite) list() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	slices.Sort(n.found)
	return n.found
}
