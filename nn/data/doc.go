// Package data deals out the rows of a data set in batches, in an order that can be resumed.
//
//	s, err := data.NewSampler(60_000, 128, &data.Options{Seed: 1, DropLast: true})
//	for step := range 10 * s.Steps() {
//		rows := s.Next() // 128 numbers from 0 to 59,999
//		...
//	}
//
// A [Sampler] knows numbers of rows, nothing of the data. The order of an epoch depends on the seed and
// on the number of the epoch alone, so a position is a few bytes, which MarshalJSON saves: with
// package runs of kibisis, runs.State("data", s). A training that stops in the middle of an epoch goes
// on with the very batches that it would have had.
//
// Several workers share a data set if each has a sampler with the same options but for Rank. The batches of
// one step together are the batch that a single worker would have with a batch as large as theirs
// together: a run may go on with another number of workers, if that product stays the same.
package data
