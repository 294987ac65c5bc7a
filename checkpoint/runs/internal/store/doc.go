// Package store is the directory of a training run: checkpoints that appear by one rename, the
// one writer that may add to them, and what may be taken away. It knows files and digests, and
// nothing of tensors in memory, of solvers or of when to save.
//
//	step-000000000400-g000002/   a checkpoint of step 400, by the writer of generation 2
//	    manifest.json            what the directory must hold, byte for byte; written last
//	    ...                      the files that the manifest lists
//	    pinned                   names given by people; while it is there, nothing deletes the rest
//	    recorded.json            metrics that became known after the commit
//	writer-g000002               the claim of the newest writer
//	lock                         held by the writer that lives
//	damaged-step-...             a checkpoint that was set aside
//	bad-step-...                 a state that was kept as evidence, and is no checkpoint
//	save-now                     made by whoever wants a save soon
//	.kibisis-tmp-g000002-...     a checkpoint in the making
//	.kibisis-trash-step-...      one that is being removed
//
// # Order and lineage
//
// Checkpoints are ordered by generation and then by step, never by a clock. Every writable open
// and every rollback claims a generation, one more than the highest in any name. A manifest says
// what its checkpoint came from, as the last step of each generation before: its [Lineage].
// The newest checkpoint is the head; with those on its lineage it is the run, all others are
// abandoned and stay until somebody asks.
//
// # Commit
//
// Make a directory under a temporary name, reserve the room for all files, write, sync and
// close each, the manifest last, sync the directory, see that the claim still holds, rename it to a
// name that must be free, sync the root, see once more that no newer writer has come. Only then
// a commit returns nil. A new root's parents are synced when the run is opened, so that the
// whole path lasts.
//
// # Deletion
//
// Take the reader's lock, rename to a trash name, sync the root, look once more for pins, remove.
// Without that sync a power cut could bring back the old name with half of the files.
// What has a file that is not ours is not deleted, and a directory without a valid manifest never
// is: it is damage, which people look at.
//
// # Damage
//
// A checkpoint is damaged if its bytes were read, twice, and are not those of the manifest. All
// else that keeps one from being read (permissions, no descriptors, a newer format) is an
// error and moves nothing.
//
// # One writer
//
// The lock is the system's, on a file that is never deleted, and goes with the process. The
// claim stops a writer that has lost its lock, or never had one because the file system knows
// none: it looks for a higher claim, and whether root and lock are still the files that it
// opened, before and after it changes anything, and then stops for good with [ErrFenced]. Readers need
// neither; while they have a checkpoint open it is not deleted.
//
// All access is through fsys.FS, below one opened directory that no name leads out of.
package store
