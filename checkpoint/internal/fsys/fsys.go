// Package fsys is the seam between code that must not lose data and the file
// system it writes to. Code above it takes an FS; programs pass OS, tests pass
// the disk of package faulty, which fails at a chosen call, fills up, and forgets
// at a power cut what was not synced.
//
// The interfaces hold what our writers call and no more: every method is one more
// place where a test must be able to make the disk fail.
//
// Names are paths as package os takes them. Errors wrap the system's own, so
// errors.Is finds fs.ErrNotExist, fs.ErrPermission, syscall.ENOSPC and the like.
package fsys

import (
	"io"
	"io/fs"
)

// FS is a file system. All methods may be called from several goroutines.
type FS interface {
	// OpenFile opens a file with the os.O_* flags given. A file made by it has
	// mode perm less the umask. The file may be renamed, replaced and removed
	// while it is open, on every system.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)

	// OpenDirect opens an existing file for writing past the page cache, straight
	// from the caller's memory to the disk. Of its methods WriteAt, Stat and Close
	// may be used; the offset, the length and the memory's address of every WriteAt
	// must be multiples of align bytes, a power of two (NewBuffer has such memory).
	// What it wrote is not durable before Sync. The error wraps errors.ErrUnsupported
	// where there is no such thing; a file system may also say so at the first
	// WriteAt, with syscall.EINVAL.
	OpenDirect(name string) (f File, align int, err error)

	// Lstat describes name itself, also when it is a symbolic link.
	Lstat(name string) (fs.FileInfo, error)

	// Readlink returns where the symbolic link name points, as it is stored: a
	// relative one counts from the link's own directory.
	Readlink(name string) (string, error)

	// SameFile reports whether two answers of this FS describe one file.
	SameFile(a, b fs.FileInfo) bool

	// Rename moves oldname to newname in one step, replacing a file of that name.
	// It lasts through a power cut only after SyncDir of both directories. A
	// directory is never replaced.
	Rename(oldname, newname string) error

	// RenameNew moves a file or a directory to a name that must be free: an error
	// that wraps fs.ErrExist says that it is not, and nothing was done. It is one
	// step where the system or the file system has such a call; elsewhere a file
	// has both names for a moment.
	RenameNew(oldname, newname string) error

	// Exchange swaps what two names stand for in one step. Both must exist. It lasts
	// through a power cut only after SyncDir of both directories, and is never half
	// done. The error wraps errors.ErrUnsupported where the system or the file system
	// has no such call, and where one of the two is a mount point.
	Exchange(a, b string) error

	// Link gives a file a second name, which must be free. The error wraps
	// errors.ErrUnsupported where files cannot have one, or this one cannot have more.
	Link(oldname, newname string) error

	// Symlink makes newname a symbolic link to target, which is stored as it is.
	Symlink(target, newname string) error

	// Mkdir makes a directory of mode perm less the umask.
	Mkdir(name string, perm fs.FileMode) error

	// OpenDir opens a directory. Of the handle's methods Stat, Chmod, TryLock and
	// Close may be used. The error wraps errors.ErrUnsupported where directories
	// cannot be opened (Windows).
	OpenDir(name string) (File, error)

	// Remove deletes a file, a link or an empty directory.
	Remove(name string) error

	// ReadDir returns the names in a directory, sorted.
	ReadDir(name string) ([]string, error)

	// SyncDir makes the entries of a directory durable: names made, replaced and
	// removed before the call. It does not sync the files they name. It does
	// nothing on systems and file systems that cannot sync a directory (Windows).
	SyncDir(name string) error
}

// File is an open file. Write moves the file's own offset and is for one
// goroutine; WriteAt and ReadAt may run at the same time as each other.
type File interface {
	io.Writer
	io.WriterAt
	io.ReaderAt
	io.Closer

	// CopyRange writes n bytes of src, from its byte srcOff on, at byte off, as
	// WriteAt would: inside the kernel where src is a file of the system and the
	// system can, else through memory. src must be another file. One that ends too
	// early gives io.ErrUnexpectedEOF. After an error any part may have been written.
	CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error

	// Stat describes the file behind the handle, whatever its name is by now.
	Stat() (fs.FileInfo, error)

	// Chmod sets the permission bits, and those for setuid, setgid and sticky. Sync
	// makes them durable, SyncDir those of a directory.
	Chmod(mode fs.FileMode) error

	// Sync makes the content durable. After a failed Sync the content is unknown,
	// and a second one that succeeds proves nothing: write a new file instead.
	Sync() error

	// Reserve makes room for a file of size bytes without changing the file's
	// length. It fails like a write when the disk or the quota is full, and does
	// nothing where the system or the file system has no such call.
	Reserve(size int64) error

	// Truncate sets the length. Bytes that it adds are zero and take no room.
	Truncate(size int64) error

	// TryLock takes the exclusive lock of the file and reports whether it could.
	// The lock belongs to this handle and goes with it: at Close, or when the
	// process dies. It is advisory: it stops other TryLocks, and nothing else. The
	// error wraps errors.ErrUnsupported where there are no locks.
	TryLock() (bool, error)
}
