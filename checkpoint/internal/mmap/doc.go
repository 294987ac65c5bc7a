// Package mmap maps files into memory for reading, and turns the one danger of it into
// an error.
//
// The danger: bytes of a mapping are fetched when they are touched. If the file was cut
// short meanwhile, or the medium fails, touching kills the program with a signal that no
// error value announces. Populate fetches a range beforehand and returns an error; Guard
// runs code that touches a mapping and turns the fault into an error.
//
//	m, err := mmap.Open(path, false)
//	if err != nil {
//		return err
//	}
//	defer m.Close()
//	if err := mmap.Populate(ctx, m.Bytes()); err != nil {
//		return err // shorter than it was, or unreadable
//	}
//
// Populate is a check of one moment: the file can still be cut afterwards, so code that
// must survive a hostile neighbour copies under Guard. On Windows a mapped file cannot be
// cut. On systems without mappings (js, wasip1, plan9, aix) Open reads the file instead:
// same contract, more memory.
package mmap
