package main

// This file is what came of it: the digests of both outcomes, and the table.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/jedib0t/go-pretty/v6/table"
)

// digests are SHA-256 of what the last checkpoint of a run holds.
type digests struct{ weights, optimizer, state string }

// outcome reads the last checkpoint of the run in dir.
func outcome(dir string) (d digests, err error) {
	run, err := runs.Open(dir, &runs.Options{ReadOnly: true})
	if err != nil {
		return d, err
	}
	defer run.Close()
	head, err := run.Find(runs.Selector{})
	if err != nil {
		return d, err
	}
	for name, sum := range map[string]*string{
		"model.safetensors": &d.weights, "optimizer.safetensors": &d.optimizer, "state.json": &d.state,
	} {
		b, err := os.ReadFile(filepath.Join(dir, head.ID, name))
		if err != nil {
			return d, err
		}
		full := sha256.Sum256(b)
		*sum = hex.EncodeToString(full[:])
	}
	return d, nil
}

// print is the table. Its last line says whether both outcomes are equal.
func (s *script) print(whole life, lives []life, want, got digests) {
	const shown = 16 // digits of a digest
	t := table.NewWriter()
	t.SetOutputMirror(s.stdout)
	t.AppendHeader(table.Row{"start", "resumed step", "saved step", "steps executed", "end"})
	executed := int64(0)
	for i, l := range lives {
		end := "done"
		if l.killed {
			end = "kill -9"
		}
		t.AppendRow(table.Row{i + 1, l.resumed, l.saved, l.executed, end})
		executed += l.executed
	}
	t.AppendSeparator()
	t.AppendRow(table.Row{"all", "", "", executed, fmt.Sprintf("%.2f of those needed", float64(executed)/float64(s.steps))})
	t.AppendRow(table.Row{"never killed", whole.resumed, whole.saved, whole.executed, "done"})
	t.AppendSeparator()
	t.AppendRow(table.Row{"sha256", "weights", "optimizer", "state", ""})
	t.AppendRow(table.Row{"killed", got.weights[:shown], got.optimizer[:shown], got.state[:shown], ""})
	t.AppendRow(table.Row{"never killed", want.weights[:shown], want.optimizer[:shown], want.state[:shown], ""})
	t.SetCaption("identical: %v", want == got)
	t.Render()
}
