package runs

// This file is the training program of the scripts: the loop of suite_test.go, and a model that
// flags change as a programmer would between two starts.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// A program is one start of the training program.
type program struct {
	path string
	out  *lockedWriter

	until       int64
	seed        uint64
	solver      string
	layers      int
	head        shapeFlag
	prefix      string
	reversed    bool
	without     string
	numbers     bool
	values      string
	weights     string
	changes     bool
	renamesFrom string
	clock       string
	real        bool
	troubles    troubles
	opts        Options

	run    *Run
	loop   *loop
	extra  *tensor.Dense // the model's head, nil without
	counts counters
	disk   *memoryDisk // nil for the system's
	held   bool        // a save must not be waited for
	dead   bool        // killed, on the disk in memory
}

// counters are what JSON is known to spoil.
type counters struct {
	Seed  int64          `json:"seed"`
	Small uint16         `json:"small"`
	Rates []float32      `json:"rates"`
	Any   map[string]any `json:"any"`
	Best  float64        `json:"best"`
}

func newCounters() counters {
	return counters{
		Seed: 1<<53 + 1, Small: 65535, Rates: []float32{0.1, 1e-45}, Best: math.MaxFloat64,
		Any: map[string]any{"seed": int64(math.MaxInt64), "list": []any{int64(1), 0.5, "x", nil}},
	}
}

// define has what the program knows to be its flags.
func (p *program) define(set *flag.FlagSet) {
	set.Int64Var(&p.until, "until", 20, "train to this step")
	set.Int64Var(&p.opts.EverySteps, "every", 5, "save every so many steps")
	set.IntVar(&p.opts.KeepLast, "keep", 0, "keep so many checkpoints")
	set.BoolVar(&p.opts.ReadOnly, "readonly", false, "restore and look, change nothing")
	set.BoolVar(&p.opts.MustResume, "must", false, "beginning anew is an error")
	set.Func("best", "keep the best, by a metric's lowest value", func(m string) error {
		p.opts.KeepBest = append(p.opts.KeepBest, Lowest(m)...)
		return nil
	})
	set.Func("identity", "a setting that makes the run what it is", func(s string) error {
		p.opts.Identity = append(p.opts.Identity, s)
		return nil
	})
	set.Func("from", "step:N, best:METRIC, pin:NAME or id:NAME", p.selectFrom)
	set.StringVar(&p.values, "val", "", "the metric val, by step: 3,,1,nan; none at the second step, nor after the last")
	set.Uint64Var(&p.seed, "seed", 1, "of all that is random when it is not restored")
	set.StringVar(&p.solver, "solver", "adam", "which of Gorgonia's")
	set.IntVar(&p.layers, "layers", 3, "so many of the three layers are in the model")
	set.Var(&p.head, "head", "a further weight of that shape: 4x3")
	set.StringVar(&p.prefix, "prefix", "", "before the names of all weights")
	set.BoolVar(&p.reversed, "reversed", false, "give the weights to the solver in the other order")
	set.StringVar(&p.without, "without", "", "a part of the state to forget")
	set.BoolVar(&p.numbers, "numbers", false, "have counters, and print them")
	set.StringVar(&p.weights, "weights", "", "write the bits of all weights to this file in the end")
	set.BoolVar(&p.changes, "changes", false, "print which parts of the state changed")
	set.StringVar(&p.renamesFrom, "renames", "", "a file with a plan of renames")
	set.StringVar(&p.clock, "clock", "", "a fixed time, and a fixed program and machine")
	set.BoolVar(&p.real, "real", false, "on the system's disk, not on one in memory")
	set.Var(&p.troubles, "at", "STEP=TROUBLE: see script_trouble_test.go")
}

func (p *program) selectFrom(text string) error {
	kind, value, _ := strings.Cut(text, ":")
	switch kind {
	case "step":
		n, err := strconv.ParseInt(value, 10, 64)
		p.opts.From = AtStep(n)
		return err
	case "best":
		p.opts.From = BestBy(Lowest(value))
	case "pin":
		p.opts.From = Pinned(value)
	case "id":
		p.opts.From = ByID(value)
	default:
		return errors.New("no such selector")
	}
	return nil
}

// A shapeFlag is a matrix's shape, nil without.
type shapeFlag []int

func (s *shapeFlag) String() string { return fmt.Sprint([]int(*s)) }

func (s *shapeFlag) Set(text string) error {
	for n := range strings.SplitSeq(text, "x") {
		d, err := strconv.Atoi(n)
		if err != nil {
			return err
		}
		*s = append(*s, d)
	}
	return nil
}

// trainHere is the program in this process.
func trainHere(ts *testscript.TestScript, args []string) (string, error) {
	p := &program{}
	p.path = flags(ts, args, 1, p.define)[0]
	if !strings.HasPrefix(p.path, "~") {
		p.path = ts.MkAbs(p.path)
	}
	for _, file := range []*string{&p.weights, &p.renamesFrom} {
		if *file != "" {
			*file = ts.MkAbs(*file)
		}
	}
	var b strings.Builder
	err := p.main(&b)
	return b.String(), err
}

// main is the whole program.
func (p *program) main(out io.Writer) (err error) {
	p.out = &lockedWriter{w: out}
	if err := p.configure(); err != nil {
		return err
	}
	if !p.real {
		if p.disk, err = loadDisk(p.path); err != nil {
			return err
		}
		p.opts.fs = p.disk.proc
	}
	err = p.train(context.Background())
	if p.dead || errors.Is(err, faulty.ErrKilled) {
		err = errDead
	}
	if p.disk != nil && !p.opts.ReadOnly {
		err = errors.Join(err, p.disk.store(p.path))
	}
	if p.weights != "" && p.loop != nil {
		err = errors.Join(err, os.WriteFile(p.weights, []byte(p.bits()), 0o666))
	}
	return err
}

func (p *program) configure() error {
	p.opts.Log = slog.New(slog.DiscardHandler)
	p.opts.Observer = p.observe
	p.opts.Config = map[string]any{"seed": p.seed}
	if p.clock != "" {
		at, err := time.Parse(time.RFC3339, p.clock)
		if err != nil {
			return err
		}
		p.opts.now = func() time.Time { return at }
	}
	if p.renamesFrom != "" {
		b, err := os.ReadFile(p.renamesFrom)
		if err != nil {
			return err
		}
		p.opts.Renames = string(b)
	}
	return nil
}

// train is the loop of the package comment.
func (p *program) train(ctx context.Context) (err error) {
	path := p.path
	if p.disk != nil && !strings.HasPrefix(path, "~") {
		path = diskPath
	}
	if p.run, err = Open(path, &p.opts); err != nil {
		return err
	}
	defer func() { p.release(); err = errors.Join(err, p.run.Close()) }()
	if p.clock != "" {
		p.run.made = goldenProvenance
	}
	p.begin()
	restored, err := p.run.Restore(ctx, p.parts()...)
	if err != nil {
		return err
	}
	p.tell(restored)
	if p.opts.ReadOnly {
		return nil
	}
	for step := restored.Step + 1; step <= p.until; step++ {
		if err := p.step(ctx, step); err != nil {
			return err
		}
	}
	p.release()
	if err := p.run.Finish(ctx); err != nil {
		return err
	}
	p.say("finished step %d", p.until)
	return nil
}

// step trains once, has happen what is to happen, and saves if it is due.
func (p *program) step(ctx context.Context, step int64) error {
	p.loop.step()
	if p.extra != nil {
		v := p.extra.Data().([]float32)
		for i := range v {
			v[i] += float32(i%7+1) / 1024
		}
	}
	for _, name := range p.troubles[step] {
		if err := p.trouble(ctx, name); err != nil {
			return err
		}
	}
	if err := p.run.SaveIfDue(ctx, step, p.metrics(step)); err != nil {
		return err
	}
	if !p.held {
		p.run.land() // else steps so short would supersede saves
	}
	if p.dead {
		return errDead
	}
	return nil
}

// errDead is what a shell would say.
var errDead = errors.New("killed")

// begin makes the model and everything else that a process starts with.
func (p *program) begin() {
	p.loop = newLoop(panics{}, tensor.Float32, p.seed, solvers[p.solver].make())
	if p.reversed {
		slices.Reverse(p.loop.order)
	}
	if p.head != nil {
		p.extra = zeros(tensor.Float32, p.head...)
	}
	if p.numbers {
		p.counts = counters{Any: map[string]any{}}
		if p.seed == 1 {
			p.counts = newCounters()
		}
	}
}

func (p *program) model() checkpoint.Model {
	m := map[string]G.Valuer{}
	for _, n := range p.loop.weights[:p.layers] {
		m[p.prefix+n.Name()] = n
	}
	if p.extra != nil {
		g := G.NewGraph()
		m[p.prefix+"head.weight"] = G.NewTensor(g, tensor.Float32, len(p.head), G.WithShape(p.head...), G.WithName("head"), G.WithValue(p.extra))
	}
	return checkpoint.FromMap(m)
}

// parts are all of the program's state, but what it forgets.
func (p *program) parts() []Part {
	m, l := p.model(), p.loop
	order := slices.DeleteFunc(slices.Clone(l.order), func(v G.ValueGrad) bool {
		return !slices.ContainsFunc(l.weights[:p.layers], func(n *G.Node) bool { return v == G.ValueGrad(n) })
	})
	parts := []Part{Weights(m), Solver(l.solver, order, m), State("random", l.rng), State("data", &l.data)}
	if p.numbers {
		parts = append(parts, State("numbers", &p.counts))
	}
	return slices.DeleteFunc(parts, func(part Part) bool { return part.key() == p.without })
}

func (p *program) metrics(step int64) Metrics {
	values := strings.Split(p.values, ",")
	if step > int64(len(values)) || values[step-1] == "" {
		return nil
	}
	v, err := strconv.ParseFloat(values[step-1], 64)
	if err != nil {
		panic(err)
	}
	return Metrics{"val": v}
}

func (p *program) bits() string {
	text := p.loop.bits()
	if p.extra != nil {
		text += fmt.Sprintf("head.weight %x\n", p.extra.Raw)
	}
	return text
}

// tell prints what Restore has said.
func (p *program) tell(r *Restored) {
	said := *r
	said.Changed = nil
	p.say("%s", said.String())
	for _, c := range r.Changed {
		if p.changes && (strings.HasPrefix(c.What, "optimizer") || strings.HasPrefix(c.What, "part ")) {
			p.say("  changed: %s", c)
		}
	}
	if v, ok := r.Metrics["val"]; ok {
		p.say("  val %v", v)
	}
	if p.numbers {
		p.say("  numbers %d %d %v %v %T %v", p.counts.Seed, p.counts.Small, p.counts.Rates, p.counts.Any, p.counts.Any["seed"], p.counts.Best)
	}
}

// observe prints what happens.
func (p *program) observe(e Event) {
	if failed, ok := e.(Failed); ok && errors.Is(failed.Err, faulty.ErrKilled) {
		p.dead = true
		return
	}
	switch e := e.(type) {
	case Committed:
		p.say("saved step %d (%s)", e.Step, e.Kind)
	case Pruned, Damaged, Failed, NotFinite, Warning, Stopping:
		p.say("%s", e)
	}
}

func (p *program) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// A lockedWriter is for several goroutines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// panics is a testing.TB where none is to be had.
type panics struct{ testing.TB }

func (panics) Helper()                        {}
func (panics) Errorf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (panics) FailNow()                       {}
