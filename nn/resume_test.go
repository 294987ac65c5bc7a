package nn_test

// This file stops trainings of each family, and goes on in new processes.

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/nn/data"
	"github.com/fb777929/kibisis/nn/optim"
)

// life says what a child process is to do: train this family in this run up to a step.
const life = "KIBISIS_NN_LIFE"

func TestMain(m *testing.M) {
	if what := os.Getenv(life); what != "" {
		if err := live(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// live is main of a child: it prints the hash of all state in the end.
func live(what string) error {
	part := strings.Split(what, "|")
	step, err := strconv.ParseInt(part[2], 10, 64)
	if err != nil {
		return err
	}
	for _, f := range families {
		if f.name == part[1] {
			return trainTo(f, part[0], step, os.Stdout)
		}
	}
	return fmt.Errorf("no family %q", part[1])
}

const (
	rows      = 30 // of the data: seven batches an epoch, and two rows over
	lastStep  = 24
	fewer     = 0.2 // is dropped
	emaStays  = 0.9
	stopCount = 3
)

// trainTo trains in a run, from where it stands to a step, and prints the hash of all state then.
// The process ends without a word to the run but a save.
func trainTo(f family, dir string, step int64, out io.Writer) error {
	ctx := context.Background()
	k, err := makeTask(f, tensor.Float32, fewer)
	if err != nil {
		return err
	}
	ema, err := optim.NewEMA(k.learnables, emaStays)
	if err != nil {
		return err
	}
	sampler, err := data.NewSampler(rows, batchSize, &data.Options{Seed: 3, DropLast: true})
	if err != nil {
		return err
	}
	run, err := runs.Open(dir, &runs.Options{EverySteps: 1000, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	restored, err := run.Restore(ctx,
		runs.Weights(k.scope),
		runs.Solver(k.solver, k.learnables, k.scope),
		runs.Tensors("ema", ema),
		runs.State("data", sampler),
		runs.State("dropout", k.dropout))
	if err != nil {
		return err
	}
	set := newRows(f)
	for at := restored.Step; at < step; at++ {
		set.deal(k, sampler.Next())
		if _, err := k.train(); err != nil {
			return err
		}
		if err := ema.Update(); err != nil {
			return err
		}
	}
	if err := run.Save(ctx, step, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%x\n", hash(k.scope.StateDict(), k.solver.StateDict(), ema.StateDict()))
	return err
}

// hash sums tensors by their names.
func hash(states ...iter.Seq2[string, gorgonia.Valuer]) []byte {
	h := sha256.New()
	for _, state := range states {
		all := map[string]gorgonia.Valuer{}
		maps.Insert(all, state)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(h, "%s %v\n", name, all[name].Value().Data())
			if d, ok := all[name].Value().(*tensor.Dense); ok {
				h.Write(d.Raw)
			}
		}
	}
	return h.Sum(nil)
}

// dataset is rows of inputs and labels for a family.
type dataset struct {
	x       []float32
	indices []int
	labels  []int
}

func newRows(f family) *dataset {
	rng := rand.New(rand.NewPCG(8, 9))
	d := &dataset{}
	for range rows * tensor.Shape(f.x[1:]).TotalSize() {
		if f.below > 0 {
			d.indices = append(d.indices, rng.IntN(f.below))
		} else {
			d.x = append(d.x, float32(rng.NormFloat64()))
		}
	}
	for range rows * tensor.Shape(f.y[1:]).TotalSize() {
		d.labels = append(d.labels, rng.IntN(4))
	}
	return d
}

// deal brings rows into the inputs of a task.
func (d *dataset) deal(k *task, from []int) {
	for i, row := range from {
		if d.x != nil {
			put(k.x.Value().Data().([]float32), d.x, i, row)
		} else {
			put(k.x.Value().Data().([]int), d.indices, i, row)
		}
		put(k.y.Value().Data().([]int), d.labels, i, row)
	}
}

// put copies row j of a set to row i of a batch.
func put[T any](batch, set []T, i, j int) {
	width := len(set) / rows
	copy(batch[i*width:(i+1)*width], set[j*width:])
}

func TestResumeInNewProcessesGivesTheSameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			whole := child(t, f, t.TempDir(), lastStep)
			dir := t.TempDir()
			count := stopCount
			if raced {
				count = 1
			}
			stops := []int64{lastStep}
			for range count {
				stops = append(stops, 1+rng.Int64N(lastStep-1))
			}
			slices.Sort(stops)
			stops = slices.Compact(stops)
			var last string
			for _, stop := range stops {
				last = child(t, f, dir, stop)
			}
			require.Equalf(t, whole, last, "stopped at %v", stops)
			require.NotEqual(t, whole, child(t, f, t.TempDir(), lastStep-1), "the hash does not see a step")
		})
	}
}

// child trains in a process of its own, and returns the hash of what comes of it.
func child(t *testing.T, f family, dir string, step int64) string {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d", life, dir, f.name, step))
	c.Stderr = os.Stderr
	out, err := c.Output()
	require.NoError(t, err)
	require.Len(t, string(out), 65)
	return string(out)
}
