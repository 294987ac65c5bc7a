// Package pebbleproof is a second opinion on the crash proof of runs: the stories of package crashproof are
// told to the file system in memory that the authors of Pebble test their database on, it is
// crashed at every call, and what is left is held against the same promises. A mistake in our own
// model of a disk, package faulty, would have to be in theirs as well to hide one in the store.
//
// It is a module of its own so that nobody who uses kibisis gets Pebble with it.
//
// # Where the models differ
//
// In Pebble's,
//
//   - a name that was synced is never lost before its directory is synced again: what was removed or
//     moved away is always there after a crash, so that "100 % of what was not synced" is not the
//     present. In ours each removal lasts or does not;
//   - a directory that is moved may be found under both of its names, as two directories. No file system
//     does that, and what a reader is to make of it nobody has to say: of such clones one of the two
//     names is taken out (see disk.crash);
//   - a file with two names is two files after a crash, each with blocks of its own;
//   - a block of 4096 bytes is old or new, and a file as long as its last new block wants it. In ours
//     a block may also be zeros, junk or torn between two sectors, and a file longer than what was written;
//   - a failed sync has done nothing, and another one does it. In ours a failed sync loses the data;
//   - each name that was not synced is there or not by the toss of a coin, and the coin falls for
//     names in the order of a Go map: a seed does not give the same clone twice. In ours all of few
//     combinations are gone through.
//
// # What Pebble's has not got
//
// The adapter has exclusive creation, renames that replace nothing, and the identity of files
// under a lock of its own, and locks in a table. A file that is cut short keeps its length, with zeros
// (the store cuts nothing short but the lock, of which it says so little that nothing depends on it). Chmod,
// Reserve and Evict do nothing. Symbolic links, exchanges and direct writes are unsupported, so the story of
// direct writes is one of large files. A Root is a path: the stories never move the run's directory.
package pebbleproof
