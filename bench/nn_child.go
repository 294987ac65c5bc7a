package main

// This file is this program as a process that computes networks with the BLAS and the assembly that its
// environment says. It answers as peer_nn.py does.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn"
)

// nnChildWord begins the arguments of such a process; then ours or plain.
const (
	nnChildWord = "nn-child"
	oursWord    = "ours"
	plainWord   = "plain"
)

// The environment variables that package nn reads.
const (
	blasVariable  = "KIBISIS_BLAS"
	noAsmVariable = "KIBISIS_NOASM"
)

// A worker is what such a process has in memory.
type worker struct {
	build func(path string) (*subject, error)
	*subject
}

// runNNChild answers requests until their end.
func runNNChild(what string, requests io.Reader, answers io.Writer) error {
	out := json.NewEncoder(answers)
	name, err := useBLAS(what)
	if err != nil {
		return out.Encode(answer{Missing: err.Error()})
	}
	w := &worker{build: ourSubject}
	if what == plainWord {
		w.build = plainSubject
	}
	if err := out.Encode(answer{Versions: map[string]string{"blas": name, noAsmVariable: os.Getenv(noAsmVariable)}}); err != nil {
		return err
	}
	for in := json.NewDecoder(requests); ; {
		var r request
		if err := in.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a, err := w.answer(r)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

// useBLAS has products made as the environment says. For plain Gorgonia gonum is gonum as it comes, which
// cuts products in another way than package nn has it do.
func useBLAS(what string) (string, error) {
	name, err := nn.UseBLAS("")
	if err == nil && what == plainWord && os.Getenv(blasVariable) == "gonum" {
		gorgonia.Use(gonum.Implementation{})
	}
	return name, err
}

// answer does what is asked for. Path is that of the network's file, for the op that builds it.
func (w *worker) answer(r request) (answer, error) {
	if r.Op == "build" {
		w.subject = nil
		runtime.GC() // before there is memory for the next
		var err error
		w.subject, err = w.build(r.Path)
		return answer{}, err
	}
	if w.subject == nil {
		return answer{}, errors.New("nothing is built")
	}
	switch r.Op {
	case "check":
		return w.check(r.N)
	case "ops":
		return w.profile(r.N)
	case "allocated":
		return w.allocated(r.N)
	case "resident":
		return w.resident(r.N)
	}
	t, ok := w.tasks[r.Op]
	if !ok {
		return answer{}, fmt.Errorf("no op %q", r.Op)
	}
	took, err := repeated(r.N, t)
	return answer{Seconds: took.Seconds()}, err
}

// repeated is how long n calls take.
func repeated(n int, t task) (time.Duration, error) {
	begin := time.Now()
	for range n {
		if err := t.run(); err != nil {
			return 0, err
		}
	}
	return time.Since(begin), nil
}

// check gives the mean square of the logits of the first weights, and the losses of n steps; its time is
// that of the last step.
func (s *subject) check(n int) (answer, error) {
	if err := s.tasks[forwardJob].run(); err != nil {
		return answer{}, err
	}
	logits, err := float32s(s.tasks[forwardJob].result())
	if err != nil {
		return answer{}, err
	}
	sum := 0.0
	for _, x := range logits {
		sum += float64(x) * float64(x)
	}
	a := answer{Values: []float64{sum / float64(len(logits))}}
	for range n {
		took, err := repeated(1, s.tasks[stepJob])
		if err != nil {
			return answer{}, err
		}
		loss, err := float32s(s.tasks[stepJob].result())
		if err != nil {
			return answer{}, err
		}
		a.Values, a.Seconds = append(a.Values, float64(loss[0])), took.Seconds()
	}
	_, err = repeated(1, s.tasks[oneJob]) // makes its memory
	return a, err
}

func float32s(v gorgonia.Value) ([]float32, error) {
	if v != nil {
		switch data := v.Data().(type) {
		case []float32:
			return data, nil
		case float32:
			return []float32{data}, nil
		}
	}
	return nil, fmt.Errorf("the result is %T, want float32", v)
}

// profile gives the times of the ops in the fastest of n steps. The solver is one of them.
func (s *subject) profile(n int) (answer, error) {
	if s.solver == nil {
		return answer{}, errors.New("these ops do not tell how long they take")
	}
	defer nn.Profile(nil)
	var best answer
	for range n {
		ops := map[string]float64{}
		nn.Profile(func(op string, took time.Duration) { ops[op] += took.Seconds() })
		before := *s.solver
		took, err := repeated(1, s.tasks[stepJob])
		if err != nil {
			return answer{}, err
		}
		ops["adamw"] = (*s.solver - before).Seconds()
		if best.Ops == nil || took.Seconds() < best.Seconds {
			best = answer{Seconds: took.Seconds(), Ops: ops}
		}
	}
	return best, nil
}

// allocateTime is how long the steps take, about, of which allocations are counted.
const allocateTime = 1500 * time.Millisecond

// allocated gives the steps that were looked at, n at most, and the bytes and allocations of one. A collection
// empties pools of scratch memory, which the first step after it fills again: that is not a warm step.
func (s *subject) allocated(n int) (answer, error) {
	runtime.GC()
	if err := s.tasks[stepJob].run(); err != nil {
		return answer{}, err
	}
	before, begin, done := footprintNow(), time.Now(), 0
	for done < n && (done < 3 || time.Since(begin) < allocateTime) {
		if err := s.tasks[stepJob].run(); err != nil {
			return answer{}, err
		}
		done++
	}
	after, steps := footprintNow(), float64(done)
	return answer{Values: []float64{steps, float64(after.bytes-before.bytes) / steps, float64(after.mallocs-before.mallocs) / steps}}, nil
}

// resident gives the bytes of the process in memory after n steps, and after garbage has been given back.
func (s *subject) resident(n int) (answer, error) {
	took, err := repeated(n, s.tasks[stepJob])
	debug.FreeOSMemory()
	return answer{Seconds: took.Seconds(), Values: []float64{float64(resident())}}, err
}
