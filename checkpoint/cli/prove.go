package cli

// This file is the command prove: arguments, and how it starts itself again.

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fb777929/kibisis/checkpoint/runs/prove"
)

func newProve() *cobra.Command {
	p := &prover{}
	cmd := &cobra.Command{
		Use:   "prove [--budget TIME] [--small MOUNT] [--seed N] [--json] DIR",
		Short: "Try on your own disk whether a training run can be lost",
		Long: `Makes a folder in DIR, has training runs saved there while all goes wrong that can,
and compares what is left with what a save had acknowledged. Then it removes the
folder. It needs about 100 MiB, and a minute. What it tries:

  killed at a call            a writer kills itself (SIGKILL) before one of the calls by which
                              it changes something: saves, retention, going back, links, pins
  killed during large saves   a writer of 8 MiB checkpoints is killed at a random moment
  disk full, pretended        every write fails from a random byte on
  disk full, small mount      the same for real, on the mount that --small names
  several writers             two to four processes want one run, and some are killed
  flipped bits                in each file of a checkpoint: it must be named, and the
                              checkpoint before it restored
  readers against deletion    one process reads what another one deletes
  power cut, replayed         each call made on this disk is made again on a disk in memory,
                              and the power cut before it: what was not synced may be
                              there, or not, or torn

It prints a table of what was tried and lost, then the losses with the law that
was broken:

  I1 the run opens             I4 nothing acknowledged is lost   I7 others' files stay
  I2 what is there was saved   I5 a second look sees the same,   I8 little is left behind
  I3 a run goes on from the       and one writer is not          I9 no file stays open
     newest, on its lineage       another's loss                I10 errors tell the truth
  damage: it is told as what it is             I6 the next save works

It cannot cut the power, and does not know whether the disk keeps what it says that it
has flushed: what was not tried is listed at the end, with what it found the file
system to be able to do.

The folder stays if something was lost, and is named. Ctrl-C ends it and removes the
folder. The exit status is 0 if nothing was lost, 1 if something was or it could not be
tried, 2 for wrong usage.`,
		Example: `  kibisis prove /data/runs
  kibisis prove --budget 10m --seed 7 /mnt/nfs
  kibisis prove --small /mnt/64M .
  kibisis prove --lose-syncs .    # shows that it can fail`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, "prove takes one directory, not %d", len(args))
			}
			if p.options.Budget <= 0 {
				return usageError(cmd, "a budget of %v is no time", p.options.Budget)
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p.out, p.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if !cmd.Flags().Changed("seed") {
				p.options.Seed = rand.Uint64N(1 << 32) // short enough to be typed
			}
			child := strings.Fields(cmd.CommandPath())[1:]
			child[len(child)-1] = childWord
			err := p.prove(cmd.Context(), args[0], child)
			cmd.SilenceErrors = errors.Is(err, errSomeBad) // the last line has been printed
			return err
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&p.options.Budget, "budget", time.Minute, "how long it may take, as in 30s or 10m")
	flags.StringVar(&p.options.Small, "small", "", "a directory on a file system with at most 1 GiB free, to be filled")
	flags.Uint64Var(&p.options.Seed, "seed", 0, "what chance goes by (it is printed; races are not repeated)")
	flags.BoolVar(&p.json, "json", false, "print one JSON object")
	flags.BoolVar(&p.options.LoseSyncs, "lose-syncs", false, "leave files unsynced where power cuts are replayed: it must then find losses")
	return cmd
}

// childWord is the command by which the program starts itself again, beside prove.
const childWord = "prove-child"

func newProveChild() *cobra.Command {
	return &cobra.Command{
		Use:                childWord,
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return prove.Child(cmd.Context(), args, cmd.OutOrStdout())
		},
	}
}

// A prover is one run of the command.
type prover struct {
	options  prove.Options
	json     bool
	out, err io.Writer
}

// prove runs it. child is the command that ends in childWord, as words after the program's name.
func (p *prover) prove(ctx context.Context, dir string, child []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.options.Child = func(ctx context.Context, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, self, append(child[:len(child):len(child)], args...)...)
	}
	observe, done := newProveBar(p.err, p.options.Budget)
	p.options.Observe = observe
	report, err := prove.Run(ctx, dir, &p.options)
	done()
	if report == nil || err != nil && report.Lost() == 0 {
		return err
	}
	w := bufio.NewWriter(p.out)
	tell := printProof
	if p.json {
		tell = printProofJSON
	}
	if printErr := errors.Join(tell(ctx, w, report, terminal(p.out)), writing(w.Flush())); printErr != nil {
		return errors.Join(err, printErr)
	}
	if err == nil && report.Lost() > 0 {
		return errSomeBad
	}
	return err
}
