// Package crashproof tells stories to the store of a run on a disk in memory, has something go wrong
// at every call, and compares what is left with what was promised: a ledger that is kept outside
// the store.
//
// A story (a script) is a few calls: saves, retention, going back, a pin, a new process. While it plays,
//
//   - the power is cut before each call, and each state that the disk can have then is looked
//     at, or many of them: see cut;
//   - the power is cut once more at each call of what a new process does then: see cutTwice;
//   - one call fails, or that one and all after it, in each way that a system knows; or takes effect
//     and fails all the same; or ends the process; or returns one wrong bit: see faulted.
//
// What must hold on what is left, whoever looks at it, are the laws that violations name:
//
//	I1      the run can be opened, for reading and for writing
//	I2      what there is was passed to save, byte for byte
//	I3      a run goes on from the newest state that was acknowledged, or one that was on its way after it,
//	        and its lineage is that state's
//	I4      nothing acknowledged is lost or changed, with its pins and its metrics, unless it was to be deleted
//	I5      a second look gives the same answer
//	I6      the next save works, and is then what a run goes on from
//	I7      looking changes nothing, and nothing that is not the run's is touched
//	I8      what a dead writer leaves is little, and the next one removes it
//	I9      no file stays open
//	I10     an error is returned if and only if the state is not there, or may not last
//	damage  only what was changed on the medium is called damaged, and by the name of the tensor
package crashproof
