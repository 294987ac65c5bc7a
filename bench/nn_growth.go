package main

// This file is whether the memory of a long training grows.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/dustin/go-humanize"
)

// flat is how much a process may grow, in bytes, and be said not to: Go's own bookkeeping changes by as much.
const flat = 1 << 20

// growthParts is how often memory is looked at.
const growthParts = 5

// growth trains the MLP in a new process.
func (l *lab) growth(ctx context.Context) (_ *sheet, err error) {
	w := nnWays()[0]
	n := networks(l.quick)[0]
	sh := &sheet{
		title:  fmt.Sprintf("memory of the process over %d training steps of the %s, %s", l.steps, n.Name, w.name),
		header: []string{"after step", "resident"},
	}
	if err := w.start(ctx, l); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if w.skip != "" {
		sh.note("Not run: %s.", w.skip)
		return sh, nil
	}
	path := l.path("growth.safetensors")
	if err := n.write(ctx, path); err != nil {
		return nil, err
	}
	if err := w.peer.build(path); err != nil {
		return nil, err
	}
	var sizes []float64
	for done, part := 0, 0; part < growthParts; part++ {
		until := l.steps * (part + 1) / growthParts
		a, err := w.peer.ask(request{"resident", "", until - done})
		if err != nil {
			return nil, err
		}
		done = until
		sizes = append(sizes, a.Values[0])
		sh.add(strconv.Itoa(done), humanize.IBytes(uint64(a.Values[0])))
	}
	sh.note("%s", growthText(sizes, l.steps-l.steps/growthParts))
	return sh, nil
}

// growthText says how the last size compares with the first, after so many steps more.
func growthText(sizes []float64, steps int) string {
	if sizes[0] == 0 {
		return "The system does not tell how much is resident."
	}
	grown := sizes[len(sizes)-1] - sizes[0]
	if grown <= flat {
		return fmt.Sprintf("Flat: over the last %d steps it has grown by %d KiB (up to %s counts as flat).", steps, int(math.Round(grown/1024)), humanize.IBytes(flat))
	}
	return fmt.Sprintf("It grows: by %s over the last %d steps, %.0f bytes a step.", humanize.IBytes(uint64(grown)), steps, grown/float64(steps))
}
