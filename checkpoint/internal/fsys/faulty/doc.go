// Package faulty is a disk in memory on which tests can do to a program what
// cannot be done to a real one a thousand times a second: fail its call number n,
// fill up, lack what others have, read a bit wrong, kill it, and cut the power.
//
// A Disk is what outlives programs. A Process is one program's view of it, an
// fsys.FS; several of them stand for several programs at work on one disk.
//
//	disk := faulty.NewDisk()
//	disk.WriteFile("model", old)           // in place before the story begins, and durable
//	p := disk.Process()
//	p.Inject(faulty.Fault{Call: n, Kind: faulty.Kill})
//	save(p, "model")                       // the code under test
//	after := disk.Crash(rng)               // the power cut
//	after.ReadFile("model")                // must be old or new, whole
//
// Crash is one cut, by chance. Cuts goes through all that one moment allows, each distinct
// state of the disk once, several thousand a second where files are few and small:
//
//	var seen faulty.States
//	for after := range disk.Cuts(faulty.CutOptions{Max: 5000, Seen: &seen}) {
//		recover(after.Process())
//	}
//
// # What a power cut keeps
//
// A file keeps what it had at its last successful Sync. Of each block written
// since, the cut leaves the old bytes, the new ones, zeros, junk, or old and new
// sectors mixed, chosen block by block; its length is the old one, the new one, or
// any between, up to what was reserved. A block whose Sync failed counts as clean
// afterwards, as on Linux: a second Sync that succeeds does not save it.
//
// Direct writes are no more durable than others; what is out of line of 512 bytes is
// refused with EINVAL.
//
// A directory keeps the entries it had at its last successful SyncDir. Of each
// change since, the cut keeps or loses one by one, in no order: file systems differ
// in what they promise, and this one promises no more than POSIX does. A rename is
// one step where it matters: the new name has the old file or the new one, and a
// file is never lost from both its names, though it may have both. An exchange, or the
// rename of a directory, happened or it did not. Syncing a file does not sync its entry.
// Cuts can be told of a disk that keeps changes in order (Ordered).
//
// # Directories as roots
//
// A Root is bound to the directory and not to its path. Its calls are those of its Process:
// they are counted and traced with it, under the name by which the Root was opened.
//
// # What it does not model
//
// Owners, times, the umask, mappings in which later writes show, mount points, and permissions
// (but for the owner's right to open a file for reading or writing). Names are slash-separated; relative ones
// count from "/".
package faulty
