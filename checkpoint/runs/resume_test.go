package runs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// solvers are Gorgonia's own that keep anything, and move weights.
var solvers = map[string]struct {
	make   func() G.Solver
	dtypes []tensor.Dtype
}{
	"adam":     {adam, []tensor.Dtype{tensor.Float32, tensor.Float64}},
	"momentum": {func() G.Solver { return G.NewMomentum(G.WithLearnRate(0.01), G.WithMomentum(0.9)) }, []tensor.Dtype{tensor.Float32, tensor.Float64}},
	"rmsprop":  {func() G.Solver { return G.NewRMSPropSolver(G.WithLearnRate(0.001)) }, []tensor.Dtype{tensor.Float32, tensor.Float64}},
	"adagrad":  {func() G.Solver { return G.NewAdaGradSolver() }, []tensor.Dtype{tensor.Float32, tensor.Float64}},
	"barzilai": {func() G.Solver { return G.NewBarzilaiBorweinSolver(G.WithLearnRate(0.001)) }, []tensor.Dtype{tensor.Float64}},
	"vanilla":  {func() G.Solver { return G.NewVanillaSolver(G.WithLearnRate(0.01)) }, []tensor.Dtype{tensor.Float32, tensor.Float64}},
}

// envResume has the parameters of a child: path, solver, dtype, first step's seed, until.
const envResume = "KIBISIS_TEST_RESUME"

// TestMain runs the child of TestResumeInANewProcess, and that of the scripts.
func TestMain(m *testing.M) {
	if args := os.Getenv(envProgram); args != "" {
		os.Exit(programChild(args))
	}
	if job := os.Getenv(envResume); job != "" {
		os.Exit(resumeChild(job))
	}
	os.Exit(m.Run())
}

// A fatal is a testing.TB for a process without tests.
type fatal struct{ testing.TB }

func (fatal) Helper()                         {}
func (fatal) Errorf(format string, a ...any)  { fmt.Fprintf(os.Stderr, format, a...) }
func (fatal) FailNow()                        { os.Exit(1) }
func (fatal) Logf(format string, args ...any) {}

// resumeChild trains from wherever the run is to a step, and prints the weights' bits.
func resumeChild(job string) int {
	f := strings.Fields(job)
	dt := tensor.Float32
	if f[2] == "float64" {
		dt = tensor.Float64
	}
	seed, _ := strconv.ParseUint(f[3], 10, 64)   // of our own making
	until, _ := strconv.ParseInt(f[4], 10, 64)   // as above
	withheld, _ := strconv.ParseInt(f[5], 10, 8) // as above
	l := newLoop(fatal{}, dt, seed, solvers[f[1]].make())
	r, err := Open(f[0], &Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(fatal{}, err)
	parts := l.parts()
	if withheld >= 0 {
		parts = append(parts[:withheld:withheld], parts[withheld+1:]...)
	}
	ctx := context.Background()
	restored, err := r.Restore(ctx, parts...)
	require.NoError(fatal{}, err)
	for step := restored.Step; step < until; step++ {
		l.step()
		require.NoError(fatal{}, r.SaveIfDue(ctx, step+1, nil))
	}
	require.NoError(fatal{}, r.Finish(ctx))
	fmt.Print(l.bits())
	return 0
}

// inProcess runs resumeChild in a process of its own.
func inProcess(t *testing.T, path, solver string, dt tensor.Dtype, seed uint64, until int64, withheld int) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %v %d %d %d", envResume, path, solver, dt, seed, until, withheld))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	return string(out)
}

// stops is at how many random steps a run is stopped: KIBISIS_STOPS, else 2.
func stops(t *testing.T) int {
	n := 2
	if text := os.Getenv("KIBISIS_STOPS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	return n
}

func TestResumeInANewProcess(t *testing.T) {
	const total = 60
	for name, s := range solvers {
		if raced && name != "adam" {
			continue
		}
		for _, dt := range s.dtypes {
			t.Run(fmt.Sprintf("%s/%v", name, dt), func(t *testing.T) {
				whole := inProcess(t, runPath(t), name, dt, 1, total, -1)
				path, seed := runPath(t), uint64(1)
				for _, stop := range someSteps(stops(t), total) {
					inProcess(t, path, name, dt, seed, stop, -1)
					seed++ // what is not restored is another one than before
				}
				require.Equal(t, whole, inProcess(t, path, name, dt, seed, total, -1))
			})
		}
	}
}

// someSteps are n random steps before total, rising.
func someSteps(n int, total int64) []int64 {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	steps := make([]int64, n)
	at := int64(1)
	for i := range steps {
		at += 1 + rng.Int64N(max(1, (total-at)/int64(n-i)-1))
		steps[i] = at
	}
	return steps
}

// TestEachPartMatters withholds one part of the state at a time: the resumed run must differ.
func TestEachPartMatters(t *testing.T) {
	if raced {
		t.Skip("many processes, none of them concurrent")
	}
	for _, name := range []string{"adam", "momentum", "rmsprop", "adagrad", "barzilai"} {
		for _, dt := range solvers[name].dtypes {
			t.Run(fmt.Sprintf("%s/%v", name, dt), func(t *testing.T) { eachPartMatters(t, name, dt) })
		}
	}
}

func eachPartMatters(t *testing.T, solver string, dt tensor.Dtype) {
	const until, total = 20, 30
	whole := inProcess(t, runPath(t), solver, dt, 1, total, -1)
	for i, part := range []string{"weights", "solver", "random"} {
		path := runPath(t)
		inProcess(t, path, solver, dt, 1, until, -1)
		require.NotEqual(t, whole, inProcess(t, path, solver, dt, 9, total, i), "without %s", part)
	}
}
