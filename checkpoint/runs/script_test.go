package runs

// This file runs the scripts of testdata/script: mistakes that other checkpoint systems were found to
// have, told as stories about a run. What scripts can say besides the commands of
// testscript:
//
//	train DIR FLAG...         the training program of script_program_test.go; -h lists its flags. It
//	                          works on the disk in memory, which is fast and can be made to fail
//	process [N=V]... DIR F... the same in a process of its own, on the system's disk, with these variables
//	killed TIMES DIR F...     starts that process so often, kills it each time while it saves, and
//	                          checks that nothing it had reported is lost
//	deaths STEP KIND DIR      the program again and again, which dies at each call of the save after STEP,
//	                          by KIND: kill or power
//	runs DIR                  the checkpoints, a line each
//	ls DIR                    the names in a directory
//	tensors FILE              what a safetensors file holds
//	pin DIR STEP NAME, unpin DIR NAME, record DIR STEP METRIC=VALUE, prune DIR FLAG...
//	cut FILE BYTES            leaves the first bytes of a file
//	flip FILE BIT             turns a bit of a file
//	format MANIFEST N         makes a manifest one of format N, with a digest that is right
//	map FILE, mapped          maps a file as safetensors, and checks that the map is what it was
//	copy DIR TO               copies a directory
//	golden DIR TO             copies a run without what is this machine's in it
//
// GOLDEN is the run in testdata that an earlier version of this package has written.

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A scriptCommand is a command of scripts. What it prints is the command's standard output.
type scriptCommand func(ts *testscript.TestScript, args []string) (out string, err error)

var scriptCommands = map[string]scriptCommand{
	"train": trainHere, "process": trainElsewhere, "killed": killSaves, "deaths": dieAtEachCall,
	"runs": listRun, "ls": listNames, "tensors": listTensors,
	"pin": pinStep, "unpin": unpinName, "record": recordMetric, "prune": pruneRun,
	"cut": cutFile, "flip": flipBit, "format": setFormat,
	"map": mapFile, "mapped": checkMapped, "copy": copyDir, "golden": makeGolden,
}

func TestScripts(t *testing.T) {
	runScripts(t, filepath.Join("testdata", "script"))
}

func runScripts(t *testing.T, dir string) {
	golden, err := filepath.Abs(filepath.Join("testdata", "golden-v1"))
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:           dir,
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds:          builtins(),
		Setup: func(env *testscript.Env) error {
			env.Setenv("GOLDEN", golden)
			env.Values[mapKey{}] = &mappedFile{}
			return nil
		},
	})
}

// builtins are the commands as testscript takes them. The standard error is that of the command.
func builtins() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, bool, []string){}
	for name, command := range scriptCommands {
		all[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			out, err := command(ts, args)
			fmt.Fprint(ts.Stdout(), out)
			switch {
			case err != nil:
				fmt.Fprintln(ts.Stderr(), err)
				if !neg {
					ts.Fatalf("%s: %v", name, err)
				}
			case neg:
				ts.Fatalf("%s succeeded", name)
			}
		}
	}
	return all
}

// flags parses a command's arguments: names first, then flags.
func flags(ts *testscript.TestScript, args []string, names int, define func(*flag.FlagSet)) []string {
	if len(args) < names {
		ts.Fatalf("want %d arguments and flags", names)
	}
	set := flag.NewFlagSet("script", flag.ContinueOnError)
	set.SetOutput(ts.Stderr())
	define(set)
	ts.Check(set.Parse(args[names:]))
	return args[:names]
}

func integer(ts *testscript.TestScript, text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	ts.Check(err)
	return n
}

func noFlags(*flag.FlagSet) {}

// listNames has a slash behind directories.
func listNames(ts *testscript.TestScript, args []string) (string, error) {
	entries, err := os.ReadDir(ts.MkAbs(flags(ts, args, 1, noFlags)[0]))
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(e.Name())
		if e.IsDir() {
			b.WriteString("/")
		}
		b.WriteString("\n")
	}
	return b.String(), err
}

func listTensors(ts *testscript.TestScript, args []string) (string, error) {
	f, err := safetensors.Open(ts.MkAbs(flags(ts, args, 1, noFlags)[0]), &safetensors.OpenOptions{Verify: true})
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	for name, t := range f.All() {
		fmt.Fprintln(&b, name, t.DType(), t.Shape())
	}
	return b.String(), nil
}

func copyDir(ts *testscript.TestScript, args []string) (string, error) {
	a := flags(ts, args, 2, noFlags)
	return "", os.CopyFS(ts.MkAbs(a[1]), os.DirFS(ts.MkAbs(a[0])))
}
