package main

// This file is what is kept of a run.

import (
	"encoding/json"
	"os"
	"time"
)

// A report is all that was measured, and on what.
type report struct {
	Command string    `json:"command"` // as it can be typed again
	Date    time.Time `json:"date"`
	Machine machine   `json:"machine"`
	Bytes   int64     `json:"model_bytes"`
	Tensors int       `json:"model_tensors"`
	Rounds  int       `json:"rounds"`
	Rows    []result  `json:"rows"`
}

// A result is a row that was measured, or the reason why not.
type result struct {
	Group   string          `json:"group"`
	Name    string          `json:"name"`
	Bytes   int64           `json:"bytes,omitempty"`       // that each sample moved
	Floor   string          `json:"floor"`                 // the name of the group's row for it
	Allocs  uint64          `json:"allocations,omitempty"` // of one call, where they are counted
	Skipped string          `json:"skipped,omitempty"`
	Samples []time.Duration `json:"samples_ns"`

	row *row
}

func (l *lab) report(rows []*row) *report {
	r := &report{
		Command: l.command,
		Date:    time.Now().UTC().Truncate(time.Second),
		Machine: l.machine(),
		Bytes:   l.source.size(),
		Tensors: len(l.source.tensors),
		Rounds:  l.rounds,
	}
	for _, row := range rows {
		r.Rows = append(r.Rows, result{row.group, row.name, row.bytes, row.floor.name, row.allocs, row.skip, row.samples, row})
	}
	return r
}

// writeJSON writes the report to path, unless that is "".
func (r *report) writeJSON(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o666)
}
