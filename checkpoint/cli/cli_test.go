package cli

// This file tests what scripts cannot reach: programs that use the package, and
// files too large to write down.

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

const tied = "../../testdata/safetensors-py-tied.safetensors"

// run runs the command, and returns its status and what it wrote.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = Run(t.Context(), args, &out, &err)
	return status, out.String(), err.String()
}

// written makes a file of a header and data.
func written(t *testing.T, header string, data []byte) string {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(append(file, header...), data...)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	return path
}

func TestMountedUnderAnotherCommand(t *testing.T) {
	mytool := func(args ...string) (stdout, stderr string, err error) {
		root := &cobra.Command{Use: "mytool"}
		root.AddCommand(New())
		var out, errs bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&errs)
		root.SetArgs(args)
		err = root.ExecuteContext(t.Context())
		return out.String(), errs.String(), err
	}
	out, errs, err := mytool("kibisis", "verify", tied)
	require.NoError(t, err)
	require.Equal(t, "ok "+tied+" tensors=2 bytes=60\n", out)
	require.Empty(t, errs)

	out, errs, err = mytool("kibisis", "verify", "missing")
	var exit *ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.Code)
	require.EqualError(t, err, "exit status 1")
	require.True(t, strings.HasPrefix(out, "bad missing io: "))
	require.Empty(t, errs, "the line has said it")

	out, errs, err = mytool("kibisis", "show", "missing")
	require.ErrorContains(t, err, "missing: io: ")
	require.Empty(t, out)
	require.Equal(t, "Error: "+err.Error()+"\n", errs)

	out, errs, err = mytool("kibisis", "show")
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 2, exit.Code)
	require.Equal(t, "Error: show takes one path, not 0; see 'mytool kibisis show --help'\n", errs)
	require.Empty(t, out)

	_, errs, _ = mytool("kibisis", "show", "--\x1b[2J")
	require.Equal(t, "Error: unknown flag: --\\x1b[2J; see 'mytool kibisis show --help'\n", errs, "also where cobra prints it")

	out, _, err = mytool("kibisis")
	require.NoError(t, err)
	require.Contains(t, out, "mytool kibisis [command]")
}

func TestACommandCanRunAgain(t *testing.T) {
	cmd := New()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs([]string{"verify", "missing"})
	require.Error(t, cmd.Execute())
	cmd.SetArgs([]string{"verify", tied})
	require.NoError(t, cmd.Execute(), "what was bad before is forgotten")
}

func TestInterruptedIsOneLine(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"verify", tied}, {"verify", "--checksums", tied, tied}, {"show", tied}, {"show", "--json", tied}, {"repair", tied, filepath.Join(t.TempDir(), "out")}} {
		var out, errs bytes.Buffer
		require.Equal(t, 130, Run(ctx, args, &out, &errs), args)
		require.Empty(t, out.String(), "of what was not read to its end nothing is known")
		require.Equal(t, "kibisis: interrupted\n", errs.String())
	}
}

// A watched writer calls wrote after each write.
type watched struct {
	bytes.Buffer
	wrote func()
}

func (w *watched) Write(p []byte) (int, error) {
	defer w.wrote()
	return w.Buffer.Write(p)
}

func TestWhatWasCheckedBeforeAnInterruptIsPrinted(t *testing.T) {
	for _, args := range [][]string{{"verify", tied, tied}, {"verify", "--checksums", tied, tied}} {
		ctx, cancel := context.WithCancel(t.Context())
		out, errs := &watched{wrote: cancel}, bytes.Buffer{}
		require.Equal(t, 130, Run(ctx, args, out, &errs))
		require.Equal(t, 1, strings.Count(out.String(), "ok "+tied+" tensors=2 bytes=60"))
		require.Equal(t, "kibisis: interrupted\n", errs.String())
	}
}

// A fleeting context is done once it was asked whether it is.
type fleeting struct {
	context.Context
	cancel func()
}

func (c fleeting) Err() error {
	defer c.cancel()
	return c.Context.Err()
}

func TestFileThatWasNotReadToItsEndIsNotCalledBad(t *testing.T) {
	path := written(t, `{"__metadata__":{"kibisis.crc64nvme.a":"ae8b14860a799888"},"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, []byte("123456789"))
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	require.Equal(t, 130, Run(fleeting{ctx, cancel}, []string{"verify", "--checksums", path}, &out, &errs))
	require.Empty(t, out.String())
	require.Equal(t, "kibisis: interrupted\n", errs.String())
}

func TestBarIsOnlyForTerminals(t *testing.T) {
	var w bytes.Buffer
	add, done := newBar(&w, "model", 1<<40)
	add(1 << 39)
	done()
	require.Empty(t, w.String())
}

// A failing writer takes some bytes, then gives an error.
type failing struct {
	left int
	err  error
}

func (w *failing) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return 0, w.err
	}
	w.left -= len(p)
	return len(p), nil
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	for _, args := range [][]string{{"verify", tied, tied}, {"show", tied}, {"show", "--json", tied}} {
		for left := range 2 {
			var errs bytes.Buffer
			require.Equal(t, 1, Run(t.Context(), args, &failing{left: left * 80, err: errors.New("disk\nfull")}, &errs), args)
			require.Equal(t, "kibisis: write the output: disk\\nfull\n", errs.String())
		}
	}
}

func TestReaderThatHasGoneAwayIsNoError(t *testing.T) {
	for _, args := range [][]string{{"verify", tied}, {"show", tied}, {"show", "--json", tied}} {
		var errs bytes.Buffer
		gone := &failing{err: &os.PathError{Op: "write", Path: "|1", Err: closedPipe[0]}}
		require.Equal(t, 141, Run(t.Context(), args, gone, &errs))
		require.Empty(t, errs.String())
	}
}

func TestManyTensorsAndOneEndlessName(t *testing.T) {
	const tensors = 20_000
	endless := strings.Repeat("n", 1<<20)
	var header strings.Builder
	for i := range tensors {
		fmt.Fprintf(&header, `%c"layer.%06d":{"dtype":"U8","shape":[0,3],"data_offsets":[0,0]}`, "{,"[min(i, 1)], i)
	}
	fmt.Fprintf(&header, `,"%s":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, endless)
	path := written(t, header.String(), []byte("abcd"))

	status, out, errs := run(t, "verify", "--checksums", path)
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, fmt.Sprintf(" tensors=%d bytes=4 checksums=0\n", tensors+1))

	status, out, errs = run(t, "show", path)
	require.Equal(t, 0, status, errs)
	lines := strings.Split(out, "\n")
	require.Equal(t, "layer.019999  U8     [0,3]      0  2,348,636", lines[tensors])
	require.Equal(t, "total   20,001           4      4   4 B", lines[len(lines)-2])
	require.Less(t, len(out), 2*header.Len(), "rows are not padded to the longest name")

	status, out, errs = run(t, "show", "--json", path)
	require.Equal(t, 0, status, errs)
	var listed struct{ Tensors []row }
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	require.Len(t, listed.Tensors, tensors+1)
}

func TestLongMetadataIsCutInTheMiddleOfNoRune(t *testing.T) {
	value := strings.Repeat("é", longest) // an odd byte before it puts the cut into a rune
	path := written(t, `{"__metadata__":{"config":"x`+value+`","short":"`+value[:longest]+`"}}`, nil)
	_, out, _ := run(t, "show", path)
	require.Contains(t, out, "\nconfig    x"+strings.Repeat("é", longest/2-1)+"... (401 bytes, --json has them all)\n")
	require.Contains(t, out, "\nshort     "+value[:longest]+"\n")
	_, out, _ = run(t, "show", "--json", path)
	require.Contains(t, out, `"config":"x`+value+`"`)
}

func TestVersionIsThatOfTheModule(t *testing.T) {
	ours := debug.Module{Path: module, Version: "v0.2.0"}
	require.Equal(t, "v0.2.0", versionIn(&debug.BuildInfo{Main: ours}))
	require.Equal(t, "v0.2.0", versionIn(&debug.BuildInfo{Main: debug.Module{Path: "example.com/mytool", Version: "v9.0.0"}, Deps: []*debug.Module{&ours}}))
	require.Equal(t, "(devel)", versionIn(&debug.BuildInfo{Main: debug.Module{Path: module}}))
	require.Equal(t, "(devel)", versionIn(&debug.BuildInfo{Main: debug.Module{Path: "example.com/fork", Version: "v9.0.0"}}))
}
