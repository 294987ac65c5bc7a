package main

// This file is the ways of computing a network, each a process of its own: what multiplies, and whether
// there is assembly, is found once in a process.

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"
)

//go:embed peer_nn.py
var nnPeerScript []byte

// A way is one way of computing networks.
type way struct {
	name    string
	program string // what the child computes with; "" for Python
	blas    string // KIBISIS_BLAS
	noAsm   string // KIBISIS_NOASM
	skip    string // why it is not there, "" if it is
	peer    *peer
}

const (
	oursName          = "nn, OpenBLAS, assembly"
	plainName         = "plain Gorgonia, gonum"
	plainOpenBLASName = "plain Gorgonia, OpenBLAS"
	pytorchName       = "PyTorch"
)

func nnWays() []*way {
	return []*way{
		{name: oursName, program: oursWord, blas: "openblas"},
		{name: "nn, OpenBLAS, no assembly", program: oursWord, blas: "openblas", noAsm: "1"},
		{name: "nn, gonum, assembly", program: oursWord, blas: "gonum"},
		{name: "nn, gonum, no assembly", program: oursWord, blas: "gonum", noAsm: "1"},
		{name: plainOpenBLASName, program: plainWord, blas: "openblas"},
		{name: plainName, program: plainWord, blas: "gonum"},
		{name: pytorchName},
	}
}

// start starts the process, or says why it cannot.
func (w *way) start(ctx context.Context, l *lab) (err error) {
	if w.program == "" {
		if err := l.startTorch(ctx); err != nil {
			return err
		}
		w.peer, w.skip = l.python, l.noPeer
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, nnChildWord, w.program)
	cmd.Env = append(os.Environ(), blasVariable+"="+w.blas, noAsmVariable+"="+w.noAsm)
	w.peer, err = startProcess(w.name, cmd)
	if missing := (*missingError)(nil); errors.As(err, &missing) {
		w.skip = w.name + ": " + missing.reason
		return nil
	}
	return err
}

// startTorch starts peer_nn.py as the Python of the lab, unless it is not there.
func (l *lab) startTorch(ctx context.Context) (err error) {
	if l.pythonPath == "" {
		l.noPeer = noPython
		return nil
	}
	l.python, err = startScript(ctx, l.pythonPath, l.path("peer_nn.py"), nnPeerScript)
	if missing := (*missingError)(nil); errors.As(err, &missing) {
		l.noPeer = missing.Error()
		return nil
	}
	return err
}

// close ends the process. The lab ends Python.
func (w *way) close() error {
	if w.peer == nil || w.program == "" {
		return nil
	}
	return w.peer.close()
}

// missing is why the way does not compute a network, "" if it does.
func (w *way) missing(n network) string {
	if reason := noPlain(n); w.program == plainWord && reason != "" {
		return reason
	}
	return w.skip
}

// checkSteps is how many steps are compared. The first loss is of the same weights in all ways, the others
// depend on gradients and solvers.
const checkSteps = 2

// sameLosses is how far results may be apart, as a part: the logits, the first loss, and the one after a step. The
// solvers differ in weight decay, which plain Gorgonia does without.
var sameLosses = []float64{1e-3, 1e-4, 2e-2}

// build has the way build the network of a file, and compares what it computes with want, if that is
// not nil. It returns what was computed, and how long a warm step took.
func (w *way) build(path string, want []float64) ([]float64, time.Duration, error) {
	if err := w.peer.build(path); err != nil {
		return nil, 0, err
	}
	a, err := w.peer.ask(request{"check", "", checkSteps})
	if err != nil {
		return nil, 0, err
	}
	if len(a.Values) != len(sameLosses) {
		return nil, 0, fmt.Errorf("%s: %d results of a check, want %d", w.name, len(a.Values), len(sameLosses))
	}
	for i, x := range want {
		if !(math.Abs(a.Values[i]-x) <= sameLosses[i]*math.Abs(x)) {
			return nil, 0, fmt.Errorf("%s computes %v, and those before it %v", w.name, a.Values, want)
		}
	}
	return a.Values, time.Duration(a.Seconds * float64(time.Second)), nil
}

// build has the network of a file built, for as many threads as there are cores.
func (p *peer) build(path string) error {
	_, err := p.ask(request{"build", path, cores()})
	return err
}

// slowStep is how long a step takes of which there are few samples, of slowRounds.
const (
	slowStep   = 2 * time.Second
	slowRounds = 3
)

// quickStep is up to how long a step may take for each sample to follow a call that is not timed: another
// process has had the caches, and the threads sleep. Of what takes longer that is a small part.
const quickStep = 200 * time.Millisecond

// row is the way doing a job.
func (w *way) row(group, job, skip string, step time.Duration) *row {
	r := &row{group: group, name: w.name, skip: skip, repeat: true}
	if step > slowStep && job != oneJob {
		r.few, r.repeat = slowRounds, false
	}
	if step <= quickStep {
		r.ready = func() error { return w.peer.do(job, "") }
	}
	r.run = func(_ context.Context, calls int) (time.Duration, error) { return w.peer.time(job, "", calls) }
	return r
}

// blasText is what multiplied, by the versions that the processes told.
func blasText(ways []*way) string {
	var names []string
	for _, w := range ways {
		if w.program != "" && w.peer != nil && w.skip == "" {
			names = append(names, w.name+": "+w.peer.versions["blas"])
		}
	}
	return strings.Join(names, "; ")
}
