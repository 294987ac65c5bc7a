package prove

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// kinds are the usual file systems, by the number that the kernel has for them.
var kinds = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4 (or ext2, ext3)", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
	unix.TMPFS_MAGIC: "tmpfs: gone at a power cut", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.NFS_SUPER_MAGIC: "nfs",
	unix.F2FS_SUPER_MAGIC: "f2fs", unix.FUSE_SUPER_MAGIC: "fuse", unix.CEPH_SUPER_MAGIC: "ceph", unix.MSDOS_SUPER_MAGIC: "vfat",
	unix.SMB2_SUPER_MAGIC: "smb2", unix.CIFS_SUPER_MAGIC: "cifs", unix.V9FS_MAGIC: "9p", zfsMagic: "zfs", lustreMagic: "lustre",
}

// Not in package unix.
const (
	zfsMagic    = 0x2fc12fc1
	lustreMagic = 0x0bd00bd0
)

// kindOf is the name of the file system.
func kindOf(dir string) string {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return "unknown: " + err.Error()
	}
	magic := int64(uint32(stat.Type)) // 32 bits, whose type differs per architecture
	if name, ok := kinds[magic]; ok {
		return name
	}
	return fmt.Sprintf("unknown: %#x", magic)
}

// reserves looks whether a reservation takes room: the call is left out in silence where there is none.
func reserves(dir string) string {
	f, err := fsys.OS.OpenFile(filepath.Join(dir, "reserved"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "fails: " + err.Error()
	}
	defer f.Close() // nothing was written through it
	if err := f.Reserve(factSize); err != nil {
		return "fails: " + err.Error()
	}
	var stat unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "reserved"), &stat); err != nil {
		return "fails: " + err.Error()
	}
	if stat.Blocks == 0 {
		return no
	}
	return yes
}
