package main

// This file is the rows that load numbers of 16 bits into the float32 model.

import (
	"context"
	"fmt"
	"time"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// In castGroup bytes are those that are read and those that are written, because a
// conversion reads half of what it writes, and a copy does not.
const castGroup = "load into a live float32 model (bytes read and written)"

// halves are the formats of 16 bits, with what rounds to them and back.
var halves = []struct {
	dtype safetensors.DType
	round func(x float32) float32
}{
	{safetensors.BF16, func(x float32) float32 { return safetensors.ToBFloat16(x).Float32() }},
	{safetensors.F16, func(x float32) float32 { return safetensors.ToFloat16(x).Float32() }},
}

func (l *lab) makeHalves(ctx context.Context) error {
	for _, h := range halves {
		o := &checkpoint.SaveOptions{DType: func(string) safetensors.DType { return h.dtype }}
		if err := checkpoint.SaveModel(ctx, l.halfPath(h.dtype), l.source.state(), o); err != nil {
			return err
		}
	}
	return nil
}

// halfPath is where the model is in numbers of 16 bits.
func (l *lab) halfPath(d safetensors.DType) string { return l.path(d.String() + ".safetensors") }

func (l *lab) castRows() []*row {
	traffic := l.source.size() / 2 * 3
	floor := l.copying(cores())
	floor.group, floor.name = castGroup, "copy in memory, "+count(cores(), "goroutine")
	floor.bytes *= 2
	plain := l.loading("LoadModel of F32", l.plain)
	plain.group = castGroup
	plain.bytes *= 2
	rows := []*row{floor, plain}
	for _, h := range halves {
		name, path := h.dtype.String(), l.halfPath(h.dtype)
		rows = append(rows, &row{
			group: castGroup, name: "LoadModel of " + name + ", CastExact", bytes: traffic,
			blank: l.target.clear,
			run: timed(func(ctx context.Context) error {
				_, err := checkpoint.LoadModel(ctx, path, l.target.state(), &checkpoint.LoadOptions{Cast: checkpoint.CastExact})
				return err
			}),
			check: func(context.Context) error { return l.target.equalsRounded(l.source, h.round) },
		}, l.pythonCast(name, path, traffic))
	}
	return compared(floor, rows[2], rows)
}

func (l *lab) pythonCast(dtype, path string, traffic int64) *row {
	return &row{
		group: castGroup, name: "Python load_model of " + dtype, bytes: traffic, skip: l.noPeer,
		blank: func() error { return l.python.do("blank", path) },
		run:   func(context.Context, int) (time.Duration, error) { return l.python.time("load_model", path, 1) },
		check: func(context.Context) error { return l.python.do("check", path) },
		clean: func() error { return l.python.do("load_model", l.plain) }, // what other rows save
	}
}

// equalsRounded is an error unless m has the numbers of other, rounded.
func (m *model) equalsRounded(other *model, round func(float32) float32) error {
	for i, x := range other.slab {
		if m.slab[i] != round(x) {
			return fmt.Errorf("number %d is %g, want %g, which is %g rounded", i, m.slab[i], round(x), x)
		}
	}
	return nil
}
