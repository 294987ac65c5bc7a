package runs

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// train runs the loop of the package comment, from wherever the run is to total steps.
func train(t *testing.T, path string, l *loop, o *Options, total int64) *Restored {
	t.Helper()
	r := newRun(t, path, o)
	restored, err := r.Restore(t.Context(), l.parts()...)
	require.NoError(t, err)
	for step := restored.Step; step < total; step++ {
		l.step()
		require.NoError(t, r.SaveIfDue(t.Context(), step+1, Metrics{"loss": 1 / float64(step+1)}))
		r.land() // else steps so short would supersede saves
	}
	require.NoError(t, r.Finish(t.Context()))
	return restored
}

func TestAResumedRunHasTheBitsOfOneThatNeverStopped(t *testing.T) {
	whole := newLoop(t, tensor.Float32, 1, adam())
	for range 40 {
		whole.step()
	}
	path := runPath(t)
	for i, total := range []int64{7, 8, 23, 40} {
		l := newLoop(t, tensor.Float32, uint64(100+i), adam()) // all of its state must come from the run
		if i == 0 {
			l = newLoop(t, tensor.Float32, 1, adam())
		}
		restored := train(t, path, l, &Options{EverySteps: 5}, total)
		require.Equal(t, []int64{0, 7, 8, 23}[i], restored.Step)
		if total == 40 {
			require.Equal(t, whole.bits(), l.bits())
			require.Equal(t, whole.data, l.data)
		}
	}
}

func TestWhatIsOnDisk(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float64, 1, adam())
	train(t, path, l, &Options{EverySteps: 10}, 10)
	dir := filepath.Join(path, "step-000000000010-g000001")

	f, err := safetensors.Open(filepath.Join(dir, "model.safetensors"), &safetensors.OpenOptions{Verify: true})
	require.NoError(t, err)
	require.Equal(t, []string{"fc1.weight", "fc2.weight", "fc3.weight"}, f.Names())
	require.NoError(t, f.Close())
	f, err = safetensors.Open(filepath.Join(dir, "optimizer.safetensors"), nil)
	require.NoError(t, err)
	require.Contains(t, f.Names(), "exp_avg_sq.fc2.weight")
	require.NoError(t, f.Close())

	var state struct {
		Step  int64
		Parts map[string]json.RawMessage
	}
	b, err := os.ReadFile(filepath.Join(dir, "state.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &state))
	require.EqualValues(t, 10, state.Step)
	require.JSONEq(t, `{"epoch": 0, "next": 80}`, string(state.Parts["data"]))

	other := newLoop(t, tensor.Float64, 2, adam())
	_, err = checkpoint.LoadModel(t.Context(), filepath.Join(dir, "model.safetensors"), other.model(), nil)
	require.NoError(t, err)
	require.Equal(t, l.bits(), other.bits())
}

func TestDamageIsSkippedAndSaid(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	train(t, path, l, &Options{EverySteps: 5}, 20)
	file := filepath.Join(path, "step-000000000020-g000001", "model.safetensors")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	b[len(b)-3] ^= 4
	require.NoError(t, os.WriteFile(file, b, 0o666))

	// A reader sees it, and changes nothing.
	r := newRun(t, path, &Options{ReadOnly: true})
	restored, err := r.Restore(t.Context(), newLoop(t, tensor.Float32, 2, adam()).parts()...)
	require.NoError(t, err)
	require.EqualValues(t, 15, restored.Step)
	require.NoError(t, r.Close())

	// By step, it is an error.
	r = newRun(t, path, &Options{From: AtStep(20)})
	_, err = r.Restore(t.Context(), newLoop(t, tensor.Float32, 2, adam()).parts()...)
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, `tensor "fc3.weight"`)
	require.NoError(t, r.Close())

	r = newRun(t, path, nil)
	restored, err = r.Restore(t.Context(), newLoop(t, tensor.Float32, 2, adam()).parts()...)
	require.NoError(t, err)
	require.EqualValues(t, 15, restored.Step)
	require.EqualValues(t, 5, restored.LostSteps)
	require.Equal(t, "damaged-step-000000000020-g000001", restored.Skipped[0].SetAside)
	require.DirExists(t, filepath.Join(path, restored.Skipped[0].SetAside))
	require.NoError(t, r.Close())
}

func TestAStateThatIsNotFiniteIsRefused(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	r := newRun(t, path, &Options{EverySteps: 5, Rollbacks: 1})
	_, err := r.Restore(t.Context(), l.parts()...)
	require.NoError(t, err)
	for step := range int64(5) {
		l.step()
		require.NoError(t, r.SaveIfDue(t.Context(), step+1, nil))
	}
	good := l.bits()
	r.land()
	l.weights[1].Value().Data().([]float32)[3] = float32(math.Inf(1))
	err = r.Save(t.Context(), 6, nil)
	var bad *NotFiniteError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, []string{"model: fc2.weight: 1 infinite, the first at element 3"}, bad.Tensors)
	require.DirExists(t, filepath.Join(path, bad.Evidence))

	restored, err := r.Rollback(t.Context(), LastGood())
	require.NoError(t, err)
	require.EqualValues(t, 5, restored.Step)
	require.Equal(t, good, l.bits())
	require.NoError(t, r.Save(t.Context(), 6, nil))
	_, err = r.Rollback(t.Context(), LastGood())
	require.ErrorIs(t, err, ErrRollbacks)
	require.NoError(t, r.Finish(t.Context()))
}

func TestARunGoesBackAndOn(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	train(t, path, l, &Options{EverySteps: 5, KeepLast: 10}, 20)
	restored := train(t, path, l, &Options{EverySteps: 5, KeepLast: 10, From: AtStep(10)}, 15)
	require.EqualValues(t, 10, restored.Step)
	r := newRun(t, path, &Options{ReadOnly: true})
	list, err := r.Checkpoints()
	require.NoError(t, err)
	var live, abandoned []string
	for _, c := range list {
		if c.Abandoned {
			abandoned = append(abandoned, c.ID)
		} else {
			live = append(live, c.ID)
		}
	}
	require.Equal(t, []string{"step-000000000015-g000001", "step-000000000020-g000001"}, abandoned)
	require.Equal(t, "step-000000000015-g000003", live[len(live)-1])
	require.NoError(t, r.Close())
}

func TestSelfTestFindsForgottenState(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	before := l.bits()
	require.NoError(t, SelfTest(t.Context(), 3, l.once, l.parts()...))
	require.Equal(t, before, l.bits(), "the live state is put back")

	err := SelfTest(t.Context(), 3, l.once, Weights(l.model()), Solver(l.solver, l.order, l.model()))
	var differs *SelfTestError
	require.ErrorAs(t, err, &differs)
	require.Equal(t, 1, differs.Step)
	require.Equal(t, "model: fc1.weight", differs.First)

	err = SelfTest(t.Context(), 3, l.once, Weights(l.model()), State("random", l.rng))
	require.ErrorIs(t, err, ErrSelfTest, "without the solver")
}

// TestSelfTestTakesAScheduledRate: the rate is set by the program at each step, from a counter that is saved.
func TestSelfTestTakesAScheduledRate(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	step := func(context.Context) error {
		G.WithLearnRate(0.01 / float64(1+l.data.Next))(l.solver)
		l.step()
		return nil
	}
	require.NoError(t, SelfTest(t.Context(), 3, step, l.parts()...))
}
