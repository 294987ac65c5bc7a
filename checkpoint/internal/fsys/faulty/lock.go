package faulty

// This file is locks, which belong to handles.

// TryLock implements fsys.File.
func (h *handle) TryLock() (bool, error) { return h.lock("lock", true) }

// TryLockShared implements fsys.File.
func (h *handle) TryLockShared() (bool, error) { return h.lock("lockshared", false) }

func (h *handle) lock(op string, exclusive bool) (ok bool, err error) {
	err = h.call(op, func() error {
		ok = h.node.lock(h, exclusive)
		return nil
	}, nil)
	return ok, err
}

// lock answers as Linux does when h has a lock of the other kind: that one is given up
// first, whatever comes of it.
func (n *inode) lock(h *handle, exclusive bool) bool {
	if kind, held := n.locks[h]; held && kind == exclusive {
		return true
	}
	delete(n.locks, h)
	for _, alone := range n.locks {
		if alone || exclusive {
			return false
		}
	}
	if n.locks == nil {
		n.locks = map[*handle]bool{}
	}
	n.locks[h] = exclusive
	return true
}
