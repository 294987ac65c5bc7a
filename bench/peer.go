package main

// This file drives Python, and other processes that answer as it does: each is told to do
// one thing at a time. They measure time by themselves, so that pipes are in no sample.

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed peer.py
var peerScript []byte

// A peer is a running peer.py, or what speaks as it does. One goroutine may use it.
type peer struct {
	name     string            // for errors
	versions map[string]string // of Python and its packages
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	answers  *json.Decoder
	stderr   bytes.Buffer // read only after the process has ended
}

type request struct {
	Op   string `json:"op"`
	Path string `json:"path"`
	N    int    `json:"n"`
}

type answer struct {
	Seconds  float64           `json:"seconds"`
	Error    string            `json:"error"`
	Missing  string            `json:"missing"`
	Versions map[string]string `json:"versions"`

	// What is asked for with -nn.
	Values []float64          `json:"values,omitempty"`
	Ops    map[string]float64 `json:"ops,omitempty"` // seconds
}

// missingError says that Python is not there, or not all of it: then its rows are
// left out.
type missingError struct{ reason string }

func (e *missingError) Error() string { return "no Python: " + e.reason }

// startPeer runs python with a copy of peer.py in dir, until ctx is done or close.
// It returns a *missingError where that cannot work.
func startPeer(ctx context.Context, python, dir string) (*peer, error) {
	return startScript(ctx, python, filepath.Join(dir, "peer.py"), peerScript)
}

// startScript is startPeer for another script, which is written to path.
func startScript(ctx context.Context, python, path string, script []byte) (*peer, error) {
	if err := os.WriteFile(path, script, 0o666); err != nil {
		return nil, err
	}
	return startProcess("python", exec.CommandContext(ctx, python, path))
}

// startProcess is startPeer for any program.
func startProcess(name string, cmd *exec.Cmd) (*peer, error) {
	p := &peer{name: name, cmd: cmd}
	p.cmd.Stderr = &p.stderr
	if err := p.start(); err != nil {
		return nil, err
	}
	first, err := p.answer()
	switch {
	case err != nil:
		return nil, err
	case first.Missing != "":
		return nil, errors.Join(&missingError{first.Missing}, p.close())
	}
	p.versions = first.Versions
	return p, nil
}

func (p *peer) start() (err error) {
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.answers = json.NewDecoder(stdout)
	if err := p.cmd.Start(); err != nil {
		return &missingError{err.Error()}
	}
	return nil
}

// do has op done; path and n mean what the op takes them for.
func (p *peer) do(op, path string) error {
	_, err := p.time(op, path, 1)
	return err
}

// time is do for an op that says how long it took.
func (p *peer) time(op, path string, n int) (time.Duration, error) {
	a, err := p.ask(request{op, path, n})
	return time.Duration(a.Seconds * float64(time.Second)), err
}

// ask is time for an op that has more to say.
func (p *peer) ask(r request) (answer, error) {
	if err := json.NewEncoder(p.stdin).Encode(r); err != nil {
		return answer{}, p.broken(err)
	}
	a, err := p.answer()
	if err == nil && a.Error != "" {
		err = fmt.Errorf("%s: %s: %s", p.name, r.Op, a.Error)
	}
	return a, err
}

func (p *peer) answer() (a answer, err error) {
	if err := p.answers.Decode(&a); err != nil {
		return a, p.broken(err)
	}
	return a, nil
}

// broken ends a peer that no longer answers, and says what it said last.
func (p *peer) broken(err error) error {
	err = errors.Join(err, p.close())
	const most = 2000 // bytes
	said := p.stderr.Bytes()
	return fmt.Errorf("%s has gone: %w: %s", p.name, err, said[max(len(said)-most, 0):])
}

// close ends Python, which stops at the end of its input. A second close does
// nothing.
func (p *peer) close() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	err := p.stdin.Close()
	return errors.Join(err, p.cmd.Wait())
}
