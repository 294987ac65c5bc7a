// Package fsys is the seam between code that must not lose data and the file
// system it writes to. Code above it takes an FS; programs pass OS, tests pass
// the disk of package faulty, which fails at a chosen call, fills up, and forgets
// at a power cut what was not synced.
//
// The interfaces hold what our writers call and no more: every method is one more
// place where a test must be able to make the disk fail.
//
// Names are paths as package os takes them; those of a Root are relative to its
// directory and slash-separated. Errors wrap the system's own, so
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

	// OpenDirect opens an existing file for writing (os.O_WRONLY) or reading
	// (os.O_RDONLY) past the page cache, straight between the caller's memory and the
	// disk. Of its methods WriteAt or ReadAt, Stat and Close may be used; the offset,
	// the length and the memory's address of every call must be multiples of align
	// bytes, a power of two (NewBuffer has such memory). At its end, a file is read
	// with room for a whole unit. What was written is not durable before Sync. The
	// error wraps errors.ErrUnsupported where there is no such thing; a file system
	// may also say so at the first WriteAt or ReadAt, with syscall.EINVAL.
	OpenDirect(name string, flag int) (f File, align int, err error)

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

	// OpenRoot opens a directory as a file system of its own, which must be closed.
	// A symbolic link at the end of name is followed, now and not again.
	OpenRoot(name string) (Root, error)

	// Free returns how many bytes a user without privileges can still write to the
	// file system that the file or directory name is on; quotas may allow less. The
	// error wraps errors.ErrUnsupported where there is no such call.
	Free(name string) (int64, error)
}

// Root is a directory as a file system. Names are relative to it; "." is the directory
// itself, which can be neither renamed nor removed through it. It stays the same directory
// when its path is renamed, removed or made anew (on js and plan9 it is whatever has the
// path). No name leads out of it: absolute ones, "..", and symbolic links that are absolute
// or point outside are errors.
//
// On Windows the directory itself can be neither renamed nor removed by others before Close,
// unless it was opened through a Root.
type Root interface {
	FS

	// Stat describes the directory, whatever its path is by now.
	Stat() (fs.FileInfo, error)

	// Close ends the use of the Root. Files opened through it stay open.
	Close() error
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

	// Map returns the content as memory that must not be written to, until unmap, which
	// is called once; Close may come before. An empty file gives nil and no error. The file
	// must be open for reading, and a regular one. If it is cut short while it is mapped, or
	// the medium fails, touching the bytes is a fault of memory: package mmap has what turns
	// it into an error. The error wraps errors.ErrUnsupported where the file cannot be mapped.
	Map() (data []byte, unmap func() error, err error)

	// Evict asks the system to forget what it holds of the file in memory, so that the next
	// read comes from the medium. What was not synced, or is mapped, it keeps. It does
	// nothing where there is no such call (all but Linux).
	Evict() error

	// TryLock takes the exclusive lock of the file and reports whether it could.
	// The lock belongs to this handle and goes with it: at Close, or when the
	// process dies. It is advisory: it stops other TryLocks, and nothing else. The
	// error wraps errors.ErrUnsupported where there are no locks.
	TryLock() (bool, error)

	// TryLockShared is TryLock for a lock that any number of handles may have at once,
	// and none beside an exclusive one. A handle that has a lock cannot change its kind:
	// what happens then differs per system.
	TryLockShared() (bool, error)
}
