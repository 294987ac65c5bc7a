// Package runs keeps a training run safe on disk: the same command that started it resumes it,
// and nothing that happens to the process, the disk or the directory loses a committed state or
// restores a wrong one in silence.
//
//	run, err := runs.Open("runs/mnist", &runs.Options{KeepBest: runs.Lowest("val_loss")})
//	defer run.Close()
//	restored, err := run.Restore(ctx, runs.Weights(model), runs.Solver(solver, learnables, model), runs.State("data", sampler))
//	for step := restored.Step; step < total; step++ {
//		loss := trainOneStep()
//		if err := run.SaveIfDue(ctx, step+1, runs.Metrics{"loss": loss}); err != nil {
//			return err // runs.ErrStop after SIGTERM, if Options.StopOnSignal asks for it
//		}
//	}
//	err = run.Finish(ctx)
//
// # What is saved
//
// A state is made of parts, which are bound once, in [Run.Restore]: [Weights] of a model, what a
// [Solver] remembers, any other named [Tensors], and any other [State]: counters, the position in the data, a
// schedule, a source of random numbers (*rand.PCG and *rand.ChaCha8 of math/rand/v2 can be
// saved; those of math/rand and the ones that Gorgonia's dropout and initialisers make from the
// clock cannot). What is not a part is not restored, and nothing can tell; [SelfTest] finds out.
//
// # What a save promises
//
// Never half a checkpoint: a crash, a kill, a full disk or a power cut at any moment leaves a run that
// resumes from the newest committed state, whole. A state is committed when Save returns nil, when
// Finish returns nil, or when the observer is told of [Committed]; from then on it survives a power
// cut, as far as disk and file system keep what they say (see package checkpoint for the limits of each system).
// Room is reserved before the first byte is written, and a disk that says that it is full is
// believed before the state is copied.
//
// SaveIfDue makes one copy of the state, between two steps, into memory that it keeps (as much as
// the state has, once), and a goroutine writes it. A state is never read at another time than
// inside SaveIfDue, Save and Finish: signals and panics never save half a step.
//
// # What a restore promises
//
// All bytes are read and compared with digests, all parts with the live state, and only then the first one
// changes. Damage means that bytes were read, twice, and are not those that were written; then, and
// only then, an older checkpoint of the same lineage is used, and Restored says so.
// Resuming gives the bits that a run without interruption has, on the same machine with the same
// program; Restored.Changed lists what is not the same.
//
// # On disk
//
//	runs/mnist/
//	  step-000000000400-g000002/   appears by one rename
//	    model.safetensors          weights and buffers; shards and an index when large
//	    optimizer.safetensors      exp_avg.<param>, exp_avg_sq.<param>, ...
//	    state.json                 step, best metrics so far, all parts that are no tensors
//	    manifest.json              size and CRC-64/NVME of each file and tensor, lineage, what made
//	                               it; SHA-256 over itself
//	    pinned                     names by which people keep it; it may be made with an editor
//	    recorded.json              metrics that became known later
//	  writer-g000002               a writer's claim
//	  lock                         held while a writer lives
//	  damaged-step-...             was found damaged, and set aside
//	  bad-step-...                 a state with NaN in it, kept once to look at
//
// All of it is safetensors and JSON: Python opens it in two lines, and nothing in it is executed. Numbers
// that JSON cannot spell are the strings "NaN", "Infinity" and "-Infinity".
//
// A generation is one writer's lineage. Order is by generation and step, never by a clock.
// Going back to a checkpoint makes a copy of it the newest, so what came after it is abandoned, not mixed up.
//
// # One writer
//
// A run has one writer and any number of readers. A second writer gets [ErrLocked], which names the
// first. Where the file system knows no locks, Open fails unless Options.AllowUnlocked; then a
// writer that another one has superseded stops with [ErrFenced] at its next change. Readers are never
// blocked, and what they have open is not deleted. Only local file systems give all of this; on
// network file systems it is as good as their locks, renames and syncs.
//
//	Linux    as said
//	macOS    as said; syncs reach the medium, and are slow
//	Windows  directories cannot be synced: a power cut may take the newest checkpoints; a
//	         checkpoint that is open elsewhere is deleted later
//
// # What is not done
//
// Nothing here saves to other machines or to object stores, compresses, or divides one run among
// several processes.
package runs
