package nn_test

// This file gives models to PyTorch, and takes them back. KIBISIS_PYTHON names an interpreter that has
// what .ci/python asks for.

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/nn"
)

func TestPythonTakesEachFamilyAndGivesItBack(t *testing.T) {
	interpreter := os.Getenv("KIBISIS_PYTHON")
	if interpreter == "" {
		t.Skip("KIBISIS_PYTHON does not name a Python with torch and safetensors")
	}
	dir := t.TempDir()
	tasks, ours := map[string]*task{}, map[string]float64{}
	for _, f := range families {
		k := newTask(t, f, tensor.Float32, 0)
		fill(k)
		k.step(t)
		folder := filepath.Join(dir, f.name)
		require.NoError(t, os.Mkdir(folder, 0o700))
		require.NoError(t, checkpoint.SaveModel(t.Context(), filepath.Join(folder, "model.safetensors"), k.scope, nil))
		saveBatch(t, k, filepath.Join(folder, "batch.safetensors"))
		tasks[f.name], ours[f.name] = k, evaluated(t, k)
	}
	c := exec.Command(interpreter, filepath.Join("testdata", "interop", "train_on.py"), dir)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	require.NoError(t, err, stderr.String())
	var theirs map[string][2]float64
	require.NoError(t, json.Unmarshal(out, &theirs))
	for name, k := range tasks {
		require.InDelta(t, theirs[name][0], ours[name], 1e-5, name)
		report, err := checkpoint.LoadModel(t.Context(), filepath.Join(dir, name, "trained.safetensors"), k.scope, nil)
		require.NoError(t, err, report)
		require.InDelta(t, theirs[name][1], evaluated(t, k), 1e-5, name)
		require.NotEqual(t, theirs[name][0], theirs[name][1], name)
	}
}

// evaluated is the loss of a task's batch in a graph for evaluation.
func evaluated(t *testing.T, k *task) float64 {
	t.Helper()
	s := nn.NewScope(2)
	forward := k.of.model(s, 0)
	require.NoError(t, s.Err())
	for name, v := range k.scope.StateDict() {
		p, ok := s.Named(name)
		require.True(t, ok, name)
		copy(p.Dense().Raw, v.Value().(*tensor.Dense).Raw)
	}
	g := nn.EvalGraph()
	x, y := g.Input("x", k.x.Dtype(), k.of.x...), g.Input("y", tensor.Int, k.of.y...)
	copy(x.Value().(*tensor.Dense).Raw, k.x.Value().(*tensor.Dense).Raw)
	copy(y.Value().(*tensor.Dense).Raw, k.y.Value().(*tensor.Dense).Raw)
	loss := nn.CrossEntropy(g, forward(g, x), y, &nn.CrossEntropyOptions{LabelSmoothing: k.of.smoothing})
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	return floats(loss.Value())[0]
}

// saveBatch writes what a task is fed with, numbers as PyTorch has them.
func saveBatch(t *testing.T, k *task, path string) {
	t.Helper()
	batch := map[string]gorgonia.Value{}
	for name, n := range map[string]*gorgonia.Node{"x": k.x, "y": k.y} {
		batch[name] = n.Value()
		if indices, ok := n.Value().Data().([]int); ok {
			wide := make([]int64, len(indices))
			for i, x := range indices {
				wide[i] = int64(x)
			}
			batch[name] = tensor.New(tensor.WithShape(n.Shape().Clone()...), tensor.WithBacking(wide))
		}
	}
	require.NoError(t, checkpoint.SaveModel(t.Context(), path, checkpoint.FromValues(batch), nil))
}
