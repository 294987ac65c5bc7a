package solver

// This file takes a state into a new process: this test binary, started again.

import (
	"encoding/gob"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// childFile names the variable that has the test binary go on from that file.
const childFile = "SOLVER_TEST_CHILD_FILE"

// A checkpoint is a training at its half, or at its end, in a file.
type checkpoint struct {
	Training string
	Weights  [][]byte
	Numbers  map[string]float64
	Slots    []map[string][]byte
	Shapes   [][]int
}

func newCheckpoint(c training, weights [][]byte, st *State) checkpoint {
	f := checkpoint{c.String(), weights, st.Numbers, bits(st.Slots), nil}
	for _, slots := range st.Slots {
		for _, v := range slots {
			f.Shapes = append(f.Shapes, append([]int(nil), v.Shape()...))
			break
		}
	}
	return f
}

func (f checkpoint) state(kind string, dtype tensor.Dtype) *State {
	st := &State{Kind: kind, Numbers: f.Numbers, Slots: make([]map[string]gorgonia.Value, len(f.Slots))}
	for i, slots := range f.Slots {
		for name, raw := range slots {
			st.put(i, name, valueOf(dtype, f.Shapes[i], raw))
		}
	}
	return st
}

func (f checkpoint) save(t testing.TB, path string) {
	t.Helper()
	w, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, gob.NewEncoder(w).Encode(f))
	require.NoError(t, w.Close())
}

func loadCheckpoint(t testing.TB, path string) (f checkpoint) {
	t.Helper()
	r, err := os.Open(path)
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, gob.NewDecoder(r).Decode(&f))
	return f
}

func TestResumedInANewProcessGivesTheSameBits(t *testing.T) {
	for _, c := range trainings() {
		if c.name != "adam" && c.name != "momentum" && c.name != "rmsprop" {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			weights, st := c.interrupted(t)
			path := filepath.Join(t.TempDir(), "checkpoint")
			newCheckpoint(c, weights, st).save(t, path)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestChildGoesOn$")
			cmd.Env = append(os.Environ(), childFile+"="+path)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			want, wantState := c.straight(t, whole)
			require.Equal(t, newCheckpoint(c, want, wantState), loadCheckpoint(t, path))
		})
	}
}

// TestChildGoesOn is what the other process does: it replaces the file by the end of that
// training.
func TestChildGoesOn(t *testing.T) {
	path := os.Getenv(childFile)
	if path == "" {
		t.Skip("is for a process that another test starts")
	}
	f := loadCheckpoint(t, path)
	for _, c := range trainings() {
		if c.String() == f.Training {
			weights, st := c.resume(t, f.Weights, f.state(c.name, c.dtype), whole)
			newCheckpoint(c, weights, st).save(t, path)
		}
	}
}
