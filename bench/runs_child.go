package main

// This file is this program as a process to be killed: it does what bench/gomlx does, with package runs.

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs"
)

// childWord begins the arguments of such a process: then loop or resume, a folder, the bytes of the state.
const childWord = "child"

// runChild resumes the run in a folder, says so, and then saves again and again until it is killed.
func runChild(ctx context.Context, args []string, out *printer) (err error) {
	size, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	t, err := newTraining(size, layers)
	if err != nil {
		return err
	}
	r, err := runs.Open(args[1], &runs.Options{KeepLast: killKeep, ReadOnly: args[0] != "loop", Log: silent()})
	if err != nil {
		return err
	}
	restored, err := r.Restore(ctx, t.parts()...)
	if err != nil {
		return err
	}
	out.line("resumed %d", restored.Step)
	for step := restored.Step + 1; args[0] == "loop"; step++ {
		begin := time.Now()
		if err := r.Save(ctx, step, nil); err != nil {
			return err
		}
		out.line("saved %d %d", step, time.Since(begin).Nanoseconds())
	}
	return r.Close()
}

// shapes is the state as bench/gomlx makes it: a line for each tensor.
func (t *training) shapes() string {
	text := ""
	for _, prefix := range []string{"", "exp_avg.", "exp_avg_sq."} {
		for _, p := range t.params {
			text += prefix + p.name
			for _, n := range p.shape {
				text += fmt.Sprint(" ", n)
			}
			text += "\n"
		}
	}
	return text
}
