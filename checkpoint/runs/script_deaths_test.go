package runs

// This file has the scripts' program die at each call of one save, on the disk in memory.

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// dieAtEachCall runs the program on copies of a run at step 10 and has it die in the save of step 15:
// before the first call after a step, then before a later one, and so on until it lives. Every
// time the next start must have the weights in the files 10.txt or 15.txt, of the step that it
// says. Each seventh call is tried; all are if KIBISIS_KILLS is set.
func dieAtEachCall(ts *testscript.TestScript, args []string) (string, error) {
	a := flags(ts, args, 3, noFlags)
	every := 7
	if os.Getenv("KIBISIS_KILLS") != "" {
		every = 1
	}
	for call := 0; ; call += every {
		lives, err := dieAt(ts, ts.MkAbs(a[2]), fmt.Sprintf("%s=%s:%d", a[0], a[1], call))
		if err != nil {
			return "", fmt.Errorf("died at call %d: %w", call, err)
		}
		if lives {
			return fmt.Sprintln("calls", call), nil
		}
	}
}

func dieAt(ts *testscript.TestScript, from, trouble string) (lives bool, err error) {
	dies := &program{path: from + "-dies"}
	ts.Check(os.RemoveAll(dies.path))
	ts.Check(os.CopyFS(dies.path, os.DirFS(from)))
	ts.Check(dies.parse([]string{"-until", "15", "-keep", "2", "-at", trouble}))
	err = dies.main(&strings.Builder{})
	if err == nil || !errors.Is(err, errDead) {
		return err == nil, err
	}
	return false, sameAsUndisturbed(ts, dies.path)
}

// sameAsUndisturbed restores, and compares the weights with those of a run that was never disturbed.
func sameAsUndisturbed(ts *testscript.TestScript, path string) error {
	p := &program{path: path}
	ts.Check(p.parse([]string{"-until", "0", "-seed", "7"}))
	var said strings.Builder
	if err := p.main(&said); err != nil {
		return err
	}
	for _, step := range []string{"10", "15"} {
		if strings.HasPrefix(said.String(), "resumed step "+step+" ") && p.bits() == ts.ReadFile(step+".txt") {
			return nil
		}
	}
	return fmt.Errorf("%s", said.String())
}
