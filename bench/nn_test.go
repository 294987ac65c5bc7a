package main

// This file runs -nn at its smallest.

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test be what -nn starts of itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == nnChildWord {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// quickNN runs -nn with small networks, and returns what it printed and its JSON.
func quickNN(t *testing.T, args ...string) (string, report) {
	t.Helper()
	return reported(t, append([]string{"-nn", "-quick", "-rounds", "2", "-steps", "50"}, args...)...)
}

func TestNN(t *testing.T) {
	out, r := quickNN(t, "-python", "")
	requireMeasured(t, r)
	names := map[string][]string{}
	for _, row := range r.Rows {
		names[row.Group] = append(names[row.Group], row.Name)
		skipped := row.Name == pytorchName || strings.HasPrefix(row.Name, "plain ") && strings.HasPrefix(row.Group, transformed)
		if !skipped && !strings.Contains(row.Name, "OpenBLAS") { // which is not everywhere
			require.Empty(t, row.Skipped, "%s: %s", row.Group, row.Name)
		}
	}
	require.Len(t, names, 3*len(jobs), "a table for each network and job")
	for group, ways := range names {
		require.Equal(t, []string{
			"nn, OpenBLAS, assembly", "nn, OpenBLAS, no assembly", "nn, gonum, assembly", "nn, gonum, no assembly",
			"plain Gorgonia, OpenBLAS", "plain Gorgonia, gonum", "PyTorch",
		}, ways, group)
	}
	for _, text := range []string{
		"MLP [20 16 16 10], batch 8: training step", "cnn: ops of one training step", "transformer: memory allocated by a warm training step",
		"memory of the process over 50 training steps of the mlp",
		"Not run: no Python: set $KIBISIS_PYTHON or -python.", "Not run: a Transformer in plain Gorgonia: ",
	} {
		require.Contains(t, out, text)
	}
}

func TestNNWithPython(t *testing.T) {
	python := os.Getenv("KIBISIS_PYTHON")
	if python == "" {
		t.Skip("KIBISIS_PYTHON is not set")
	}
	out, r := quickNN(t, "-python", python, "-markdown")
	requireMeasured(t, r)
	require.NotContains(t, out, "no Python")
	require.Contains(t, out, "\n| optimizer | ")
	require.Contains(t, out, "_fused_adamw_")
	require.Contains(t, r.Machine.Python, "torch ")
}

// TestNNOnly: networks and the growth of memory are chosen by their names.
func TestNNOnly(t *testing.T) {
	out, r := quickNN(t, "-python", "", "-only", growthChapter)
	require.Empty(t, r.Rows)
	require.Contains(t, out, "| 50 ")

	out, r = quickNN(t, "-python", "", "-only", cnn)
	require.Len(t, r.Rows, len(jobs)*len(nnWays()))
	require.NotContains(t, out, "memory of the process")
}

// subjects are a small network of this repository's layers, and in plain Gorgonia, from one file.
func subjects(t *testing.T, n network) (ours, plain *subject) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.safetensors")
	require.NoError(t, n.write(t.Context(), path))
	ours, err := ourSubject(path)
	require.NoError(t, err)
	if noPlain(n) == "" {
		plain, err = plainSubject(path)
		require.NoError(t, err)
	}
	return ours, plain
}

// TestPlainGorgoniaComputesTheSame: from the same weights, each logit and the loss are the same, and so are
// the losses of the steps that follow, which tell that gradients and solvers are.
func TestPlainGorgoniaComputesTheSame(t *testing.T) {
	for _, n := range networks(true) {
		if noPlain(n) != "" {
			continue
		}
		t.Run(n.Name, func(t *testing.T) {
			ours, plain := subjects(t, n)
			values := func(s *subject) (logits []float32, losses []float32) {
				logits = resultOf(t, s.tasks[forwardJob])
				for range 10 {
					losses = append(losses, resultOf(t, s.tasks[stepJob])...)
				}
				return logits, losses
			}
			want, wantLosses := values(ours)
			got, losses := values(plain)
			require.Len(t, want, n.Batch*n.Classes)
			require.InDeltaSlice(t, want, got, 1e-5)
			require.InEpsilon(t, wantLosses[0], losses[0], 1e-5)
			require.InDeltaSlice(t, wantLosses, losses, 2e-3)
			require.Less(t, losses[9], losses[0]-0.02, "it learns, by more than the two may differ")
		})
	}
}

// resultOf does a job once.
func resultOf(t *testing.T, job task) []float32 {
	t.Helper()
	require.NoError(t, job.run())
	data, err := float32s(job.result())
	require.NoError(t, err)
	return data
}

// TestOneRow: the forward of one row gives what the first row of a batch gives.
func TestOneRow(t *testing.T) {
	for _, n := range networks(true) {
		ours, plain := subjects(t, n)
		for _, s := range []*subject{ours, plain} {
			if s == nil {
				continue
			}
			one := resultOf(t, s.tasks[oneJob])
			require.Len(t, one, n.Classes)
			require.InDeltaSlice(t, resultOf(t, s.tasks[forwardJob])[:n.Classes], one, 1e-5)
		}
	}
}

// TestChildrenHaveTheirEnvironment: each multiplies with what its row says, whatever the environment of the
// program is.
func TestChildrenHaveTheirEnvironment(t *testing.T) {
	t.Setenv(blasVariable, "nothing")
	t.Setenv(noAsmVariable, "2")
	l := &lab{dir: t.TempDir()}
	for _, w := range nnWays() {
		require.NoError(t, w.start(t.Context(), l))
		if w.skip != "" { // no Python, and OpenBLAS is not everywhere
			require.NotEqual(t, "gonum", w.blas)
			continue
		}
		require.Equal(t, w.noAsm, w.peer.versions[noAsmVariable], w.name)
		require.True(t, strings.HasPrefix(w.peer.versions["blas"], w.blas), "%s: %s", w.name, w.peer.versions["blas"])
		require.NoError(t, w.close())
	}

	none := &way{name: "none", program: oursWord, blas: filepath.Join(t.TempDir(), "none.so")}
	require.NoError(t, none.start(t.Context(), l))
	require.Contains(t, none.skip, "none: ")
	require.NoError(t, none.close())
}

// TestDifferentResultsAreFound: a way that computes something else is an error.
func TestDifferentResultsAreFound(t *testing.T) {
	w := nnWays()[2]
	require.NoError(t, w.start(t.Context(), &lab{}))
	defer func() { require.NoError(t, w.close()) }()
	path := filepath.Join(t.TempDir(), "net.safetensors")
	require.NoError(t, networks(true)[0].write(t.Context(), path))
	got, _, err := w.build(path, nil)
	require.NoError(t, err)
	_, _, err = w.build(path, got)
	require.NoError(t, err)
	for i := range got {
		for _, factor := range []float64{1.1, math.NaN()} {
			want := append([]float64{}, got...)
			want[i] *= factor
			_, _, err := w.build(path, want)
			require.ErrorContains(t, err, w.name+" computes ", i)
		}
	}
	_, err = w.peer.ask(request{Op: "nothing"})
	require.ErrorContains(t, err, `no op "nothing"`)
}

// TestKinds: every op of the networks is of a kind, but those that move numbers or add them.
func TestKinds(t *testing.T) {
	want := map[string]string{
		"_scaled_dot_product_flash_attention_for_cpu": "attention", "aten::mkldnn_convolution": "convolution",
		"aten::native_batch_norm_backward": "normalisation", "aten::gelu_backward": "activation", "aten::mm": "products",
		"aten::linear": "products", "aten::_fused_adamw_": "optimizer", "aten::add_": otherOps, "aten::mul": otherOps,
		"Optimizer.step#AdamW.step": "", "autograd::engine::evaluate_function: MmBackward0": "", "MmBackward0": "",
	}
	for op, kind := range want {
		require.Equal(t, kind, kindOf(op), op)
	}
	for _, n := range networks(true) {
		s, _ := subjects(t, n)
		a, err := s.profile(2)
		require.NoError(t, err)
		kinds := byKind(a.Ops)
		require.NotEmpty(t, kinds["products"])
		require.NotEmpty(t, kinds["optimizer"])
		sum := outside(a)
		for kind, ops := range kinds {
			for _, op := range ops {
				if kind == otherOps {
					require.Contains(t, []string{"add", "mean", "reshape"}, strings.TrimSuffix(op.name, "_grad"))
				}
			}
			sum += total(ops)
		}
		require.InDelta(t, a.Seconds, sum.Seconds(), 1e-6, "ops and what is outside make the step")
	}
}

func TestOpsSheet(t *testing.T) {
	sh := opsSheet(networks(true)[0], map[string]answer{
		oursName:    {Seconds: 0.010, Ops: map[string]float64{"linear": 0.003, "linear_grad": 0.005}},
		pytorchName: {Seconds: 0.020, Ops: map[string]float64{"aten::mm": 0.016, "aten::addmm": 0.0001, "MmBackward0": 0.001}},
	})
	require.Equal(t, [][]string{
		{"products", "8.00", "16.1", "0.497", "linear_grad 5.00, linear 3.00", "mm 16.0"},
		{"outside of ops", "2.00", "3.90", "0.513", "", ""},
		{"the step", "10.0", "20.0", "0.500", "", ""},
	}, sh.rows)
}

// TestOpsSheetWithout: what a way does not have is not 0.
func TestOpsSheetWithout(t *testing.T) {
	sh := opsSheet(networks(true)[0], map[string]answer{oursName: {Seconds: 0.010, Ops: map[string]float64{"linear": 0.003}}})
	require.Equal(t, []string{"products", "3.00", "not run", "", "linear 3.00", ""}, sh.rows[0])
	sh = opsSheet(networks(true)[0], map[string]answer{
		oursName:    {Seconds: 0.010, Ops: map[string]float64{"linear": 0.003}},
		pytorchName: {Seconds: 0.010, Ops: map[string]float64{"aten::copy_": 0.003}},
	})
	require.Equal(t, []string{"products", "3.00", "", "", "linear 3.00", ""}, sh.rows[0])
	require.Equal(t, []string{otherOps, "", "3.00", "", "", "copy_ 3.00"}, sh.rows[1])
}

func TestGrowthText(t *testing.T) {
	const mib = 1 << 20
	require.Contains(t, growthText([]float64{50 * mib, 60 * mib, 50.5 * mib}, 100), "Flat: over the last 100 steps it has grown by 512 KiB")
	require.Contains(t, growthText([]float64{50 * mib, 52 * mib}, 2048), "It grows: by 2.0 MiB over the last 2048 steps, 1024 bytes a step")
	require.Contains(t, growthText([]float64{0, 0}, 100), "does not tell")
}

// TestSlowRows: a way whose step takes long is timed few times, but for a row.
func TestSlowRows(t *testing.T) {
	w := nnWays()[0]
	for job, few := range map[string]int{stepJob: slowRounds, forwardJob: slowRounds, oneJob: 0} {
		require.Equal(t, few, w.row("", job, "", 3*time.Second).few, job)
		require.Zero(t, w.row("", job, "", time.Millisecond).few, job)
	}
}

func TestNNFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-nn -steps 4": "-steps is 4, must be at least 5",
		"-nn -runs":    "choose one",
	} {
		_, err := parse(strings.Fields(args), io.Discard)
		require.ErrorContains(t, err, want)
	}
}
