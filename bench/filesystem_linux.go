package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// fileSystem names the file system that path is on.
func fileSystem(path string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return ""
	}
	names := map[uint32]string{
		unix.BTRFS_SUPER_MAGIC:     "btrfs",
		unix.EXT4_SUPER_MAGIC:      "ext4",
		unix.FUSE_SUPER_MAGIC:      "FUSE",
		unix.NFS_SUPER_MAGIC:       "NFS",
		unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
		unix.TMPFS_MAGIC:           "tmpfs, which is memory",
		unix.XFS_SUPER_MAGIC:       "XFS",
		0x2fc12fc1:                 "ZFS",
	}
	if name, ok := names[uint32(s.Type)]; ok {
		return name
	}
	return fmt.Sprintf("file system %#x", uint32(s.Type))
}
