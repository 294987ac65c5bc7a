// Package atomicio builds a file, or a folder of files, under a temporary name beside its
// target and makes it appear under its final name in one rename.
//
//	f, err := atomicio.Create("model.safetensors", nil)
//	if err != nil {
//		return err
//	}
//	defer f.Close() // without Commit, leaves everything as it was
//	if _, err := f.Write(data); err != nil {
//		return err
//	}
//	return f.Commit()
//
// # Promise
//
// Whoever opens the target finds the old file or the new one, whole, at any moment
// and after any failure: of a call, of the program, of the power. When Commit returns
// nil, the new file is there and survives a power cut. When it returns an error, the
// old one is there and the temporary is removed, unless the error is ErrUnconfirmed:
// then the new one is there and may or may not survive a power cut.
//
// The order is: write, set the mode, sync, close, rename, sync the directory. A failed
// sync is not tried again: the system may count as written what it lost, so the only way
// on is a new file.
//
// # Direct writes
//
// A synced file of an announced size of 8 MiB or more is written past the page cache where
// the system and the file system can (Linux, most disks), as far as it comes through
// Write. It is about a third faster than writing through the cache and syncing, and much
// less in the way of other programs. The price: 16 MiB of memory while it lasts, errors
// that are reported by a later call than the one that wrote the bytes, and a cold page
// cache: the first read of the new file comes from the disk. That is right for a file that
// is saved to be safe: it will be read after a crash, not now, and the memory belongs to
// the program that saves it and to the data it trains on. A NoSync file stays in the cache.
// Where direct writes are refused, at once or in the middle, everything goes the ordinary
// way.
//
// # What is kept of the old file
//
// Its name and its permission bits. Programs that have it open or mapped keep the old
// bytes. Owner, access lists, extended attributes and other hard links are not carried
// over. A target that is a symbolic link stays one; the file it points to is replaced.
// Write permission is asked of the directory and not of the file, as for every rename.
//
// # Folders
//
//	d, err := atomicio.CreateDir("model", &atomicio.DirOptions{Mine: isShardOrIndex})
//	if err != nil {
//		return err
//	}
//	defer d.Close() // without Commit, leaves everything as it was
//	f, err := d.Create("model-00001-of-00002.safetensors")
//	...
//	err = f.Commit() // durable, not yet visible
//	...
//	return d.Commit()
//
// Commit exchanges the old folder and the new one in one step, so whoever opens files there
// by path gets the old ones or the new ones, and nobody sees a mixture, after any failure.
// (A reader that opens one file before the exchange and another one after it has one of
// each. Files that are open stay what they are.) The old files go when the exchange is
// durable.
//
// The old folder may hold other things: what is not Mine is carried over, with hard links,
// before the exchange, and is at its path at every moment. What appears in the old folder
// after that is moved to the new one. Nothing of it is overwritten: where somebody has
// replaced a file of that name meanwhile in both, the old folder stays, with that file.
// Pipes, sockets and devices cannot be carried over; nor can what lies on another file
// system. The folder keeps its permission bits with setgid; owner, access lists and
// extended attributes are not kept. A program whose working directory it is stays in the
// old one.
//
// The order is: link and make what is carried over, set the mode, sync the folder, give it
// the name that the old one will get, sync the directory above, exchange, sync it again,
// remove the old one.
//
// Where the exchange cannot be had, see Dir.Commit: files of the old folder are then never
// replaced. A target that is a mount point has its new folder beside it on another file
// system: Commit fails, and it stays as it was.
//
// # Temporaries
//
// A temporary is called ".<base>.<16 hex digits>.kibisis-tmp" and is locked for as long
// as its writer lives, a folder by itself, without a lock file. A folder that was replaced
// is called ".<base>.<16 hex digits>.kibisis-old" until it is removed. Create removes those
// of its own target whose lock is free: their writers are dead. CreateDir does so for
// folders, and keeps of a replaced one what is not Mine and not in the target. Nothing else
// is ever removed.
//
// # What the systems give
//
//   - Linux and other Unix: all of the above, as far as the disk tells the truth about
//     having written.
//   - macOS: the same; syncs are F_FULLFSYNC, which reach the medium and are slow. Folders
//     are exchanged on APFS.
//   - Windows: a directory cannot be synced, so a power cut may bring back the old file
//     after Commit has returned nil. Renaming over a file that is mapped, or open in a
//     program that does not share deletion, is tried for two seconds and then fails, and
//     the old file stays. Opening the target at the moment of the rename may be refused.
//     Folders cannot be exchanged, and temporary ones of killed programs are left.
//   - Network file systems: as good as their rename, locks and sync. Where locks do not
//     reach other machines, a writer there can take a living temporary of ours for a
//     dead one; Commit then fails and the target stays as it was. Most cannot exchange
//     folders.
//   - Systems other than Linux, macOS and Windows: folders cannot be exchanged.
//   - Systems without file locks: temporaries of killed programs are left.
package atomicio
