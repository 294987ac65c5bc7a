package atomicio

// This file is which way bytes take to the disk: past the page cache (direct.go) or
// through it.

// put appends p by the way that is best for the file.
func (f *File) put(p []byte) (int, error) {
	f.startDirect()
	if f.direct != nil && f.direct.refused.Load() {
		if err := f.endDirect(); err != nil {
			return 0, err
		}
	}
	switch {
	case f.direct != nil:
		return f.direct.write(p)
	case f.wasDirect:
		return f.temp.data.WriteAt(p, f.pos)
	}
	return f.temp.data.Write(p)
}

// startDirect decides at the first Write. Where direct writing cannot be had, for
// whatever reason, the ordinary way is there.
func (f *File) startDirect() {
	if f.pos != 0 || f.wasDirect || f.opts.NoSync || f.opts.Size < f.opts.directFrom {
		return
	}
	f.wasDirect = true
	if err := f.temp.data.Truncate(f.opts.Size); err != nil {
		return // without its length, the file takes direct writes only one at a time
	}
	file, align, err := f.temp.openDirect()
	if err != nil {
		return
	}
	f.direct, err = newDirect(file, f.temp.data, align, f.opts.Size, f.opts.block)
	if err != nil {
		_ = file.Close() // nothing was written through it
	}
}

// settle makes the file ready for a write at off by the ordinary way, which must not run
// beside direct ones. A write into what Write has written ends the direct way: those
// bytes must be on their way first, and the block that is being filled cannot wait.
func (f *File) settle(off int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.direct == nil {
		return nil
	}
	if off < f.pos {
		return f.endDirect()
	}
	f.direct.wait()
	return nil
}

// endDirect sends what is left on its way, waits, and returns the error of any direct
// write. From then on everything goes the ordinary way.
func (f *File) endDirect() error {
	if f.direct == nil {
		return nil
	}
	d := f.direct
	f.direct = nil
	return d.finish()
}

// dropDirect waits for direct writes under way, and forgets the rest.
func (f *File) dropDirect() error {
	if f.direct == nil {
		return nil
	}
	d := f.direct
	f.direct = nil
	return d.stop()
}
