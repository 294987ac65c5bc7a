package safetensors

// This file puts our files to the Python package, and its files to ours.
// KIBISIS_PYTHON names an interpreter that has what .ci/python asks for.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// python runs a program of testdata/interop and returns what it prints.
func python(t *testing.T, stdin []byte, program string, args ...string) []byte {
	t.Helper()
	interpreter := os.Getenv("KIBISIS_PYTHON")
	if interpreter == "" {
		t.Skip("KIBISIS_PYTHON does not name a Python with torch and safetensors")
	}
	cmd := exec.Command(interpreter, append([]string{filepath.Join(goldenDir, "interop", program)}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return out
}

// Dtypes that NumPy has, and those that only PyTorch has. No F6: Python has none.
var (
	numpyDTypes = []DType{Bool, U8, I8, I16, U16, F16, I32, U32, F32, C64, F64, I64, U64}
	torchDTypes = append([]DType{F4, F8E5M2, F8E4M3, F8E8M0, F8E4M3FNUZ, F8E5M2FNUZ, BF16}, numpyDTypes...)
)

// pythonCase is one file, for one of the two libraries.
type pythonCase struct {
	framework string
	metadata  map[string]string
	src       []Source
}

// pythonCases have every dtype, and the shapes and names that are hard.
func pythonCases() []pythonCase {
	shapes := [][]int{{2, 4}, {6}, {3, 1, 2}, {0}, {2, 0}, {1, 1, 1, 2}}
	names := []string{"layers.%d.weight", "%d é \U0001f600", "%d\"\\/\b\f\n\r\t\x01\x7f\u2028<&>", "../%d"}
	var cases []pythonCase
	for framework, dtypes := range map[string][]DType{"torch": torchDTypes, "numpy": numpyDTypes} {
		for k, metadata := range []map[string]string{nil, {}, {"format": "pt"}, {"a \n": "\U0001f600"}} {
			c := pythonCase{framework: framework, metadata: metadata}
			for i, d := range dtypes {
				c.src = append(c.src, sourceOf(fmt.Sprintf(names[(i+k)%len(names)], i), d, shapes[(i+k)%len(shapes)]))
				if d != F4 { // torch keeps pairs, and no half of one
					c.src = append(c.src, sourceOf(fmt.Sprint("scalar ", i), d, nil))
				}
			}
			cases = append(cases, c)
		}
	}
	return append(cases, pythonCase{"torch", nil, nil}, pythonCase{"torch", map[string]string{"format": "pt"}, nil})
}

// sourceOf is a tensor whose data is small numbers in every dtype.
func sourceOf(name string, d DType, shape []int) Source {
	data := make([]byte, product(shape)*d.Bits()/8)
	for i := range data {
		data[i] = byte(i % 2)
	}
	return Source{Name: name, DType: d, Shape: append([]int{}, shape...), Data: data}
}

// Every file of ours opens in Python with the same names, shapes, dtypes, bytes
// and metadata, also with its data aligned and checksums in its metadata.
func TestPythonReadsOurFiles(t *testing.T) {
	for _, framework := range []string{"torch", "numpy"} {
		var cases []pythonCase
		var options []WriteOptions
		for _, c := range pythonCases() {
			if c.framework == framework {
				cases = append(cases, c, c)
				options = append(options, WriteOptions{Metadata: c.metadata}, WriteOptions{Metadata: c.metadata, Align: 4096, Checksums: true})
			}
		}
		requirePythonReads(t, framework, cases, options)
	}
}

// requirePythonReads has Python read each case as it is written with the options at its place.
func requirePythonReads(t *testing.T, framework string, cases []pythonCase, options []WriteOptions) {
	dir := t.TempDir()
	paths := make([]string, len(cases))
	for i, c := range cases {
		paths[i] = filepath.Join(dir, fmt.Sprint(i))
		require.NoError(t, WriteFile(t.Context(), paths[i], c.src, &options[i]))
	}
	lines := json.NewDecoder(bytes.NewReader(python(t, nil, "dump.py", append([]string{"--framework", framework}, paths...)...)))
	for i, c := range cases {
		var seen struct {
			Error    string
			Metadata map[string]string
			Tensors  map[string]struct {
				DType, SHA256 string
				Shape         []int
			}
		}
		require.NoError(t, lines.Decode(&seen))
		require.Empty(t, seen.Error)
		if options[i].Checksums {
			require.Len(t, seen.Metadata, len(c.metadata)+len(c.src))
		} else {
			require.Equal(t, c.metadata, seen.Metadata)
		}
		require.Len(t, seen.Tensors, len(c.src))
		for _, s := range c.src {
			got := seen.Tensors[s.Name]
			require.Equal(t, s.DType.String(), got.DType)
			require.Equal(t, s.Shape, got.Shape)
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(s.Data)), got.SHA256)
		}
	}
}

// What Python saves we save to the same bytes.
func TestPythonWritesTheSameBytes(t *testing.T) {
	type tensor struct {
		Name  string `json:"name"`
		DType string `json:"dtype"`
		Shape []int  `json:"shape"`
		Hex   string `json:"hex"`
	}
	dir := t.TempDir()
	cases := slices.DeleteFunc(pythonCases(), func(c pythonCase) bool {
		return len(c.src) == 0 && c.metadata != nil && len(c.metadata) == 0 // unreadable, by the reference's mistake
	})
	var in bytes.Buffer
	for i, c := range cases {
		tensors := []tensor{}
		for _, s := range c.src {
			tensors = append(tensors, tensor{s.Name, s.DType.String(), s.Shape, hex.EncodeToString(s.Data)})
		}
		line := map[string]any{"path": filepath.Join(dir, fmt.Sprint(i)), "framework": c.framework, "metadata": c.metadata, "tensors": tensors}
		require.NoError(t, json.NewEncoder(&in).Encode(line))
	}
	python(t, in.Bytes(), "encode.py")
	for i, c := range cases {
		want, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(encoded(t, c.metadata, c.src...)))
	}
}
