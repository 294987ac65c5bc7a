package cli

// This file is the command verify: which files it checks, and what it prints.

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newVerify() *cobra.Command {
	v := &verifier{}
	cmd := &cobra.Command{
		Use:   "verify [--lenient] [--checksums] PATH...",
		Short: "Check that files are whole and follow the format",
		Long: `Checks that files are whole and follow the format, and prints a line for each:

  ok PATH tensors=N bytes=B
  bad PATH KIND: what is wrong, where, and what would be right

B counts the bytes of the tensors, without the header. KIND is one of these words:

  header-too-small, header-too-large, header-length   the header does not fit
  header-utf8, header-json, duplicate                 the header is not well formed
  offset, size, incomplete, overflow, misaligned      tensors do not fill the file
  checksum                                            the data has changed
  index                                               index and shards disagree
  io                                                  the file could not be read

A PATH may be the index of a set (*.index.json): then there is a line for each
shard and one for the index, with the tensors and bytes of all. It may be a folder:
then every set in it is checked, and every *.safetensors file. Only headers are
read, unless --checksums asks for all the data.

With --checksums an ok line has checksums=N, the number of tensors that had one and
were equal to it; a file without checksums says checksums=0. kibisis can write
them, other libraries do not. With --lenient an ok line has forgiven=N, the number
of faults passed over; they are listed on stderr.

The exit status is 0 if every file is ok, 1 if any is bad, 2 for wrong usage.`,
		Example: `  kibisis verify model.safetensors
  kibisis verify --checksums checkpoints/
  kibisis verify *.safetensors | grep ^bad`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, "no file to verify")
			}
			return nil
		},
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, paths []string) error {
			v.out, v.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			err := v.verify(cmd.Context(), paths)
			cmd.SilenceErrors = errors.Is(err, errSomeBad) // a line has been printed for each
			return err
		},
	}
	cmd.Flags().BoolVar(&v.lenient, "lenient", false, lenientUsage)
	cmd.Flags().BoolVar(&v.checksums, "checksums", false, "read all data and compare the checksums stored in the files")
	return cmd
}

const lenientUsage = "accept what the reference reader accepts, and sets with a poor index"

// errSomeBad ends a run that has told of every bad file.
var errSomeBad error = &ExitError{Code: statusBad}

// A verifier is one run of the command.
type verifier struct {
	lenient, checksums bool
	out, err           io.Writer
	bad                bool // a bad file was seen
}

func (v *verifier) verify(ctx context.Context, paths []string) error {
	v.bad = false
	for _, path := range paths {
		if err := v.path(ctx, path); err != nil {
			return err
		}
	}
	if v.bad {
		return errSomeBad
	}
	return nil
}

// path checks a file, a set, or what is in a folder. Its error ends the run.
func (v *verifier) path(ctx context.Context, path string) error {
	files, err := filesAt(path)
	if err != nil {
		return v.print(result{path: path, err: err})
	}
	told := map[string]bool{} // the shards of a set that is in the folder too
	for _, file := range files {
		if told[file] {
			continue
		}
		err := v.check(ctx, file, func(r result) error {
			told[r.path] = true
			return v.print(r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// print writes the line for a file, at once: the next may take long.
func (v *verifier) print(r result) error {
	v.bad = v.bad || r.err != nil
	if _, err := fmt.Fprintln(v.out, v.line(r)); err != nil {
		return writing(err)
	}
	printForgiven(v.err, r.path, r.forgiven)
	return nil
}

// line is what is printed about a file.
func (v *verifier) line(r result) string {
	if r.err != nil {
		return fmt.Sprintf("bad %s %s", escape(r.path), describe(r.err, r.path))
	}
	line := fmt.Sprintf("ok %s tensors=%d bytes=%d", escape(r.path), r.tensors, r.bytes)
	if v.checksums {
		line += fmt.Sprintf(" checksums=%d", r.checksums)
	}
	if v.lenient {
		line += fmt.Sprintf(" forgiven=%d", len(r.forgiven))
	}
	return line
}
