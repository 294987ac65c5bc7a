package checkpoint

// This file puts our files to PyTorch's load_model, and those of its save_model to
// LoadModel. KIBISIS_PYTHON names an interpreter that has what .ci/python asks for.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// interop runs a program of testdata/interop and returns what it prints.
func interop(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	interpreter := os.Getenv("KIBISIS_PYTHON")
	if interpreter == "" {
		t.Skip("KIBISIS_PYTHON does not name a Python with torch and safetensors")
	}
	cmd := exec.Command(interpreter, append([]string{filepath.Join("..", "testdata", "interop", program)}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return out
}

// pythonSees is what dump.py prints of a file.
type pythonSees struct {
	Error    string
	Metadata map[string]string
	Tensors  map[string]struct {
		DType, SHA256 string
		Shape         []int
	}
}

func dump(t *testing.T, path string) pythonSees {
	t.Helper()
	var seen pythonSees
	require.NoError(t, json.Unmarshal(interop(t, "dump.py", path), &seen))
	require.Empty(t, seen.Error)
	return seen
}

// loadModel gives the values of the PyTorch model after a strict load_model.
func loadModel(t *testing.T, path string, args ...string) map[string]any {
	t.Helper()
	var values map[string]any
	require.NoError(t, json.Unmarshal(interop(t, "load_model_tied.py", append([]string{path}, args...)...), &values))
	require.NotContains(t, values, "error")
	return values
}

// asJSON is what Python prints for the same numbers.
func asJSON(t *testing.T, l twoLayers) map[string]any {
	t.Helper()
	rows := func(d *tensor.Dense) [][]float32 {
		x := d.Data().([]float32)
		return [][]float32{x[:4], x[4:8], x[8:]}
	}
	b, err := json.Marshal(map[string]any{"a.weight": rows(l.aWeight), "b.weight": rows(l.bWeight), "a.bias": l.aBias.Data(), "b.bias": l.bBias.Data()})
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, json.Unmarshal(b, &values))
	return values
}

// Our tied model, whatever else is in the file, is what torch's load_model loads.
func TestPythonLoadsOurTiedModel(t *testing.T) {
	for _, o := range []*SaveOptions{nil, {Checksums: true}, {Metadata: map[string]string{"author": "Graiae"}}} {
		l := tiedLayers()
		require.Equal(t, asJSON(t, l), loadModel(t, saved(t, l.model(), o)))
	}
	u := untiedLayers()
	copy(u.bWeight.Data().([]float32), count(70, 12))
	require.Equal(t, asJSON(t, u), loadModel(t, saved(t, u.model(), nil), "--untied"))
}

// Any file of torch's save_model loads here, into the model that it is of.
func TestPythonSavedModelsLoad(t *testing.T) {
	for which, model := range map[string]func() twoLayers{"a": tiedLayers, "b": tiedLayers, "equal": tiedLayers, "untied": untiedLayers} {
		path := filepath.Join(t.TempDir(), which+".safetensors")
		interop(t, "save_model_tied.py", path, "--which", which)
		l := model()
		_, err := LoadModel(t.Context(), path, l.model(), nil)
		require.NoError(t, err, which)
		require.Equal(t, float32(0.5), l.aWeight.Data().([]float32)[1])
		if which == "untied" {
			require.Equal(t, float32(50.5), l.bWeight.Data().([]float32)[1])
			require.Equal(t, asJSON(t, l), loadModel(t, path, "--untied"))
			continue
		}
		require.Equal(t, count(100, 3), l.bBias.Data())
		if which == "a" || which == "b" {
			require.Equal(t, asJSON(t, l), loadModel(t, path), "Python reads it as we do")
		}

		// A model that shares nothing gets both, where the file says so.
		if u := untiedLayers(); which == "a" {
			_, err = LoadModel(t.Context(), path, u.model(), nil)
			require.NoError(t, err)
			require.Equal(t, u.aWeight.Data(), u.bWeight.Data())
		}
	}
}

// The metadata of a tied save is Python's, and "format".
func TestPythonWritesTheSameMetadata(t *testing.T) {
	path := filepath.Join(t.TempDir(), "theirs.safetensors")
	interop(t, "save_model_tied.py", path)
	l := tiedLayers()
	_, err := LoadModel(t.Context(), path, l.model(), nil)
	require.NoError(t, err)
	theirs, ours := dump(t, path), dump(t, saved(t, l.model(), nil))
	require.Equal(t, theirs.Tensors, ours.Tensors)
	require.Equal(t, "pt", ours.Metadata["format"])
	delete(ours.Metadata, "format")
	require.Equal(t, theirs.Metadata, ours.Metadata)
}

// Every dtype and layout of ours is in Python what it is here.
func TestPythonSeesEveryDTypeAndLayout(t *testing.T) {
	m := map[string]gorgonia.Value{}
	for _, kind := range storable {
		d := tensor.New(tensor.Of(kind.host), tensor.WithShape(2, 3))
		for i := range d.Raw {
			d.Raw[i] = byte(i % 2)
		}
		require.NoError(t, d.T())
		m["dtype "+kind.host.String()] = d
	}
	for _, l := range layouts(t) {
		m[l.name] = l.value
	}
	seen := dump(t, saved(t, FromValues(m), nil))
	require.Len(t, seen.Tensors, len(m))
	for name, v := range m {
		sum := sha256.Sum256(elements(t, v))
		require.Equal(t, hex.EncodeToString(sum[:]), seen.Tensors[name].SHA256, name)
		require.Equal(t, append([]int{}, v.Shape()...), seen.Tensors[name].Shape, name)
	}
	for _, kind := range storable {
		require.Equal(t, kind.stored.String(), seen.Tensors["dtype "+kind.host.String()].DType)
	}
}

// WriteModel to any writer is the same file.
func TestPythonOpensWhatWriteModelWrote(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteModel(t.Context(), &b, one(counting(2, 3)), nil))
	path := filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
	require.Equal(t, []int{2, 3}, dump(t, path).Tensors["x"].Shape)
}
