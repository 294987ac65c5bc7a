package cli

// This file runs the scripts of testdata/script: each is a folder with files, and
// what the command says about them. What scripts can say besides the commands of
// testscript:
//
//	safetensors FILE HEADER [DATA]   writes a file; FILE and DATA are Go strings without quotes
//	raw FILE BYTES                   the same for any file
//	status N COMMAND ARGUMENT...     runs a command, its arguments being such strings too
//	empty DIRECTORY                  fails if there is something in it; with !, if there is nothing
//	visible FILE                     fails if a rune of it, or of stdout or stderr, could act on a terminal
//
// TESTDATA is the repository's folder of that name.

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kibisis": func() { os.Exit(Main()) }})
}

func TestScripts(t *testing.T) {
	fixtures, err := filepath.Abs("../../testdata")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"safetensors": writeSafetensors, "raw": writeRaw, "status": requireStatus,
			"empty": requireEmpty, "visible": requireVisible,
		},
		Condition: func(name string) (bool, error) { return name == "root" && os.Geteuid() == 0, nil },
		Setup: func(env *testscript.Env) error {
			env.Setenv("TESTDATA", fixtures)
			return nil
		},
	})
}

func writeSafetensors(ts *testscript.TestScript, _ bool, args []string) {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(args[1])))
	file = append(file, args[1]...)
	if len(args) > 2 {
		file = append(file, unquoted(ts, args[2])...)
	}
	ts.Check(os.WriteFile(ts.MkAbs(unquoted(ts, args[0])), file, 0o644))
}

func writeRaw(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(unquoted(ts, args[0])), []byte(unquoted(ts, args[1])), 0o644))
}

func unquoted(ts *testscript.TestScript, text string) string {
	s, err := strconv.Unquote(`"` + text + `"`)
	ts.Check(err)
	return s
}

func requireStatus(ts *testscript.TestScript, _ bool, args []string) {
	words := make([]string, 0, len(args))
	for _, arg := range args[1:] {
		words = append(words, unquoted(ts, arg))
	}
	got, exit := "0", (*exec.ExitError)(nil)
	if err := ts.Exec(words[0], words[1:]...); errors.As(err, &exit) {
		got = strconv.Itoa(exit.ExitCode())
	} else {
		ts.Check(err)
	}
	if got != args[0] {
		ts.Fatalf("status %s, want %s", got, args[0])
	}
}

func requireEmpty(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if neg != (len(entries) > 0) {
		ts.Fatalf("%s has %d names in it", args[0], len(entries))
	}
}

func requireVisible(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if at, r := actsOnTerminal(text, "\n"); at >= 0 {
		ts.Fatalf("%s has %U at byte %d: %q", args[0], r, at, text)
	}
}

// actsOnTerminal finds a rune that is not one of those allowed and could do more
// than stand there: by its category, not by what the code under test calls
// visible.
func actsOnTerminal(s, allowed string) (at int, found rune) {
	for i, r := range s {
		_, n := utf8.DecodeRuneInString(s[i:])
		acts := unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Cs)
		if (acts || r == utf8.RuneError && n == 1) && !strings.ContainsRune(allowed, r) {
			return i, r
		}
	}
	return -1, 0
}
