package cli

// This file is the root command, and how a program is made of it.

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
)

// New returns the command kibisis with all its commands below it, ready to be
// executed, or to be added to a command of yours. Each call returns a new one.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "kibisis",
		Short: "Look at safetensors files, check and repair them; try a disk",
		Long: `Shows what is in safetensors files, checks whether they are whole, and repairs
those that can be. Tries on your own disk whether a training run can be lost.

It reads what it must, changes no file (repair writes a new one, prove works in a
folder of its own), and executes nothing that is in one. Names that could harm a
terminal are printed as quoted strings.`,
		Example: `  kibisis show model.safetensors
  kibisis verify --checksums model.safetensors
  kibisis repair broken.safetensors model.safetensors
  kibisis prove /data/runs`,
		Version: version(),
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true // it is there for those who look for it
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, "%v", err) })
	root.AddCommand(newVerify(), newShow(), newRepair(), newProve(), newProveChild())
	for _, cmd := range append(root.Commands(), root) {
		cmd.SilenceUsage = true // an error says what to do; the usage would push it off the screen
		cmd.DisableFlagsInUseLine = true
	}
	return root
}

// noArgs refuses words that are no command.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError(cmd, "unknown command %q, did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return usageError(cmd, "unknown command %q", args[0])
}

// Main runs kibisis with the arguments and streams of the process, and returns
// the status for os.Exit. The first Ctrl-C ends what is under way with one line,
// a second one ends the process.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// Run runs kibisis with these arguments (without the program's name), and
// returns the status that a process would end with: 0, 1 where a file is bad, 2
// for wrong usage, 130 after ctx is cancelled. Errors go to stderr, a line each.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := New()
	root.SilenceErrors = true
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return status(stderr, root.ExecuteContext(ctx))
}

// completeFiles lets shells complete the paths of files that a command can read.
func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"safetensors", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// writing says of a failure to write that it is none of the file's.
func writing(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the output: %w", err)
}
