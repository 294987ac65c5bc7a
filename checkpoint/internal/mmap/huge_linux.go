package mmap

import "golang.org/x/sys/unix"

func adviseHuge(b []byte) error { return madvise(b, unix.MADV_HUGEPAGE) }
