// Package oplog writes down what a program does to a file system, so that the same can be
// done again to a disk of package faulty, and the power cut after each call.
//
//	rec := oplog.Record(root)              // an fsys.Root, so that names are relative
//	save(rec)                              // the program, on the real file system
//	p := faulty.NewDisk().Process()
//	err := oplog.Replay(rec.Log(), p, func(i int) error {
//		...                            // look at what a cut before call i leaves
//	})
//
// Calls that only look (Lstat, ReadAt, Map and the like) are not in the log. The bytes of
// every write are, so a log is as large as what was written.
package oplog
