// Package prove tries on a real disk what package runs promises: that nothing which happens to a
// process, to a disk or to a directory loses a state that a save has acknowledged, or restores a wrong one.
// It is the command kibisis prove as a library.
//
//	report, err := prove.Run(ctx, "/data/runs", &prove.Options{
//		Child: func(ctx context.Context, args ...string) *exec.Cmd {
//			return exec.CommandContext(ctx, self, append([]string{"prove-child"}, args...)...)
//		},
//	})
//
// Writers that are killed are processes of their own: the program starts itself again, with arguments by
// which it knows that it is to call [Child] and nothing else.
//
// A ledger of what was acknowledged is kept outside the runs, and what is found is held against it. For
// power cuts, which no program can make, each call that a run made on the real disk is written down and made again
// on a disk in memory, which forgets what was not synced, in every way that POSIX allows.
package prove
