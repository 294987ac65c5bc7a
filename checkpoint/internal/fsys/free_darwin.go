package fsys

import "golang.org/x/sys/unix"

// blockSize is the unit of Bavail.
func blockSize(stat *unix.Statfs_t) uint64 { return uint64(stat.Bsize) }
