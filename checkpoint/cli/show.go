package cli

// This file is the command show.

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/spf13/cobra"
)

func newShow() *cobra.Command {
	s := &shower{}
	cmd := &cobra.Command{
		Use:   "show [--lenient] [--json] PATH",
		Short: "List the tensors and the metadata of a file or a set",
		Long: `Lists the tensors of a file in their order in the file, its metadata, and totals
by dtype. It reads only the header, however large the file is.

PATH is a file, the index of a set (*.index.json), or a folder that holds one of
either; the tensors of a set are listed with the file that each lies in. An offset
is where a tensor's bytes begin, counted from the start of its file. Aliases are
the other names of a tied tensor, as the metadata has them. Checksums are metadata
too; they are counted, not listed, and long values are cut.

With --json it prints all of it as one object, a tensor a line:

  {"tensors":[{"name":"fc.weight","dtype":"F32","shape":[10,784],
   "bytes":31360,"offset":352,"aliases":[]}, ...],"metadata":{"format":"pt"}}`,
		Example: `  kibisis show model.safetensors
  kibisis show --json model.safetensors | jq -r '.tensors[] | select(.dtype == "F32") | .name'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, "show takes one path, not %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.out, s.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return s.show(cmd.Context(), args[0])
		},
	}
	cmd.Flags().BoolVar(&s.lenient, "lenient", false, lenientUsage)
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object, for programs")
	return cmd
}

// A shower is one run of the command.
type shower struct {
	lenient, json bool
	out, err      io.Writer
}

func (s *shower) show(ctx context.Context, path string) error {
	f, err := safetensors.Open(path, &safetensors.OpenOptions{Lenient: s.lenient})
	if err != nil {
		return s.refused(err, path)
	}
	defer f.Close()
	printForgiven(s.err, path, f.Forgiven())
	w, print := bufio.NewWriterSize(s.out, 1<<16), printTables
	if s.json {
		print = printJSON
	}
	if err := print(ctx, w, newListing(f), terminal(s.out)); err != nil {
		return err
	}
	return writing(w.Flush())
}

// refused says why a file is not shown, and whether --lenient would show it.
func (s *shower) refused(err error, path string) error {
	hint := ""
	if !s.lenient && opensLenient(path) {
		hint = "; --lenient shows it as other readers see it"
	}
	return fmt.Errorf("%s: %s%s", escape(path), describe(err, path), hint)
}

func opensLenient(path string) bool {
	f, err := safetensors.Open(path, &safetensors.OpenOptions{Lenient: true})
	return err == nil && f.Close() == nil
}
