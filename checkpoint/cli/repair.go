package cli

// This file is the command repair.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/spf13/cobra"
)

func newRepair() *cobra.Command {
	r := &repairer{}
	cmd := &cobra.Command{
		Use:   "repair [--checksums] IN OUT",
		Short: "Make a right file of one that readers refuse",
		Long: `Writes what the file IN holds to OUT, as this program writes files, and prints a
line for each thing that it has mended, then one for OUT:

  mended IN KIND: what was wrong, where, and what became of it
  ok OUT tensors=N bytes=B mended=K

It mends padding around the header that is no white space, tensors and metadata
keys that stand twice (the last counts), other spellings that the reference takes,
bytes behind the last tensor, bytes that only a tensor had whose name stands again,
and what is legal but not as usual (KIND not-canonical): order, alignment, spelling.
It refuses what it would have to guess: data that is cut off, overlaps, holes, sizes
that disagree. Then OUT is not written.

OUT appears whole or not at all, in the place of a file that is there; it cannot be
IN, which stays as it is. A set is repaired file by file. Data is copied, not looked
at: kibisis verify --checksums compares it with checksums, which are kept.

The exit status is 0 if OUT was written, 1 if not or if it may not survive a power
cut, 2 for wrong usage.`,
		Example: `  kibisis repair broken.safetensors model.safetensors
  kibisis repair --checksums broken.safetensors model.safetensors`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError(cmd, "repair takes two paths, not %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.out = cmd.OutOrStdout()
			return r.repair(cmd.Context(), args[0], args[1])
		},
	}
	cmd.Flags().BoolVar(&r.checksums, "checksums", false, "add a checksum of each tensor that has none")
	return cmd
}

// A repairer is one run of the command.
type repairer struct {
	checksums bool
	out       io.Writer
}

func (r *repairer) repair(ctx context.Context, in, out string) error {
	if info, err := os.Stat(in); err == nil && info.IsDir() || strings.HasSuffix(in, ".json") {
		return fmt.Errorf("%s: a set is repaired file by file, each *.safetensors by itself", escape(in))
	}
	report, err := safetensors.Repair(ctx, out, in, &safetensors.WriteOptions{Checksums: r.checksums})
	switch {
	case errors.Is(err, safetensors.ErrUnconfirmed):
		// OUT is in place: what was mended is told, and then what is in doubt.
		return errors.Join(r.tell(report, in), r.confirm(out, len(report)), errors.New(messageOf(err, in)))
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, new(*safetensors.FormatError)):
		return fmt.Errorf("%s: %s", escape(in), describe(err, in))
	case err != nil:
		return errors.New(messageOf(err, in)) // it names the file, which may be OUT
	}
	if err := r.tell(report, in); err != nil {
		return err
	}
	return r.confirm(out, len(report))
}

// tell prints what was mended.
func (r *repairer) tell(report []*safetensors.FormatError, in string) error {
	for _, change := range report {
		if _, err := fmt.Fprintf(r.out, "mended %s %s\n", escape(in), describe(change, in)); err != nil {
			return writing(err)
		}
	}
	return nil
}

// confirm opens what was written and says what is in it.
func (r *repairer) confirm(out string, mended int) error {
	f, err := safetensors.Open(out, nil)
	if err != nil {
		return fmt.Errorf("%s: %s", escape(out), describe(err, out))
	}
	defer f.Close()
	size := int64(0)
	for _, t := range f.All() {
		size += t.Size()
	}
	_, err = fmt.Fprintf(r.out, "ok %s tensors=%d bytes=%d mended=%d\n", escape(out), f.Len(), size, mended)
	return writing(err)
}
