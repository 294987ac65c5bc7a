package fsys

import "golang.org/x/sys/unix"

// blockSize is the unit of Bavail, which is not always that of input and output, Bsize.
func blockSize(stat *unix.Statfs_t) uint64 { return uint64(stat.Frsize) }
