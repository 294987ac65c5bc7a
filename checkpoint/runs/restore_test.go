package runs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
)

func TestARunIsNeverBegunOverCheckpoints(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	train(t, path, l, &Options{EverySteps: 5}, 10)
	for _, step := range []string{"05", "10"} {
		dir := filepath.Join(path, "step-0000000000"+step+"-g000001")
		require.NoError(t, os.Remove(filepath.Join(dir, "manifest.json")))
	}
	r := newRun(t, path, nil)
	before := l.bits()
	_, err := r.Restore(t.Context(), l.parts()...)
	var none *NoUsableError
	require.ErrorAs(t, err, &none)
	require.Len(t, none.Reasons, 2)
	require.ErrorContains(t, err, "manifest.json: missing")
	require.Equal(t, before, l.bits())
	require.NoError(t, r.Close())
	require.DirExists(t, filepath.Join(path, "step-000000000010-g000001"), "nothing was restored, so nothing is set aside")
}

func TestMustResume(t *testing.T) {
	r := newRun(t, runPath(t), &Options{MustResume: true})
	_, err := r.Restore(t.Context(), newLoop(t, tensor.Float32, 1, adam()).parts()...)
	require.ErrorIs(t, err, ErrNothingToResume)
	require.NoError(t, r.Close())
}

type config struct {
	LR   float64 `json:"lr"`
	Data struct {
		Seed int64 `json:"seed"`
	} `json:"data"`
}

func TestASecondExperimentCannotResumeTheFirst(t *testing.T) {
	path := runPath(t)
	c := config{LR: 0.1}
	c.Data.Seed = 1 << 60
	l := newLoop(t, tensor.Float32, 1, adam())
	train(t, path, l, &Options{EverySteps: 5, Config: c, Identity: []string{"data"}}, 5)

	c.LR = 0.2
	restored := train(t, path, l, &Options{EverySteps: 5, Config: c, Identity: []string{"data"}}, 10)
	require.Contains(t, restored.Changed, Change{What: "lr", Was: "0.1", Is: "0.2", Numeric: true})

	c.Data.Seed++
	r := newRun(t, path, &Options{Config: c, Identity: []string{"data"}})
	before := l.bits()
	_, err := r.Restore(t.Context(), l.parts()...)
	require.ErrorIs(t, err, ErrDifferentRun)
	require.ErrorContains(t, err, "data.seed 1152921504606846976 -> 1152921504606846977")
	require.Equal(t, before, l.bits())
	require.NoError(t, r.Close())
}

func TestAnotherOptimizerBeginsAnewAndIsReported(t *testing.T) {
	path := runPath(t)
	train(t, path, newLoop(t, tensor.Float32, 1, adam()), &Options{EverySteps: 5}, 5)

	slower := newLoop(t, tensor.Float32, 2, G.NewAdamSolver(G.WithLearnRate(0.001), G.WithL2Reg(0.001)))
	restored := train(t, path, slower, nil, 5)
	require.Contains(t, restored.Changed, Change{What: "optimizer.eta", Was: "0.01", Is: "0.001", Numeric: true})

	other := newLoop(t, tensor.Float32, 2, G.NewMomentum(G.WithLearnRate(0.01)))
	restored = train(t, path, other, nil, 5)
	require.Contains(t, restored.Changed, Change{What: "optimizer", Was: "adam", Is: "momentum, which begins anew", Numeric: true})
}

// renamed is the loop's model under other names.
func renamed(l *loop) (checkpoint.Model, []Part) {
	m := checkpoint.FromMap(map[string]*G.Node{"layers.0.weight": l.weights[0], "layers.1.weight": l.weights[1], "layers.2.weight": l.weights[2]})
	return m, []Part{Weights(m), Solver(l.solver, l.order, m), State("random", l.rng), State("data", &l.data)}
}

// TestRenamesAreProposedAndReplayed also for what the solver remembers.
func TestRenamesAreProposedAndReplayed(t *testing.T) {
	path := runPath(t)
	whole := newLoop(t, tensor.Float32, 1, adam())
	for range 10 {
		whole.step()
	}
	train(t, path, newLoop(t, tensor.Float32, 1, adam()), &Options{EverySteps: 5}, 5)

	l := newLoop(t, tensor.Float32, 2, adam())
	_, parts := renamed(l)
	r := newRun(t, path, nil)
	_, err := r.Restore(t.Context(), parts...)
	require.ErrorIs(t, err, checkpoint.ErrMismatch)
	_, plan, found := strings.Cut(err.Error(), "Options.Renames:\n\n")
	require.True(t, found, err)
	require.NoError(t, r.Close())

	plan, _, _ = strings.Cut(plan, "\npart ") // other parts' errors
	r = newRun(t, path, &Options{Renames: plan})
	restored, err := r.Restore(t.Context(), parts...)
	require.NoError(t, err)
	require.EqualValues(t, 5, restored.Step)
	for range 5 {
		l.step()
	}
	require.Equal(t, whole.bits(), l.bits())
	require.NoError(t, r.Close())
}

// TestNothingChangesWhereOnePartDoesNotFit has the last part wrong.
func TestNothingChangesWhereOnePartDoesNotFit(t *testing.T) {
	path := runPath(t)
	train(t, path, newLoop(t, tensor.Float32, 1, adam()), &Options{EverySteps: 5}, 5)
	l := newLoop(t, tensor.Float32, 2, adam())
	weights, data := l.bits(), l.data
	random, err := l.rng.MarshalBinary()
	require.NoError(t, err)
	wrong := zeros(tensor.Float32, 3)
	r := newRun(t, path, nil)
	_, err = r.Restore(t.Context(), append(l.parts(), Tensors("average", checkpoint.FromValues(map[string]*tensor.Dense{"x": wrong})))...)
	require.ErrorContains(t, err, `part "average"`)
	require.NoError(t, r.Close())
	require.Equal(t, weights, l.bits())
	require.Equal(t, data, l.data)
	after, err := l.rng.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, random, after)
}

func TestAReaderBesideAWriter(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	w := newRun(t, path, &Options{EverySteps: 1, KeepLast: 2})
	_, err := w.Restore(t.Context(), l.parts()...)
	require.NoError(t, err)
	_, err = Open(path, nil)
	require.ErrorIs(t, err, ErrLocked)
	for step := range int64(5) {
		l.step()
		require.NoError(t, w.Save(t.Context(), step+1, nil))
		other := newLoop(t, tensor.Float32, 2, adam())
		r := newRun(t, path, &Options{ReadOnly: true})
		restored, err := r.Restore(t.Context(), Weights(other.model()))
		require.NoError(t, err)
		require.Equal(t, step+1, restored.Step)
		require.Equal(t, l.bits(), other.bits())
		require.ErrorIs(t, r.SaveIfDue(t.Context(), 9, nil), ErrReadOnly)
		require.NoError(t, r.Close())
	}
	require.NoError(t, w.Finish(t.Context()))
}

func TestShardsOfALargeModel(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	train(t, path, l, &Options{EverySteps: 5, ShardSize: 150}, 5)
	dir := filepath.Join(path, "step-000000000005-g000001")
	require.FileExists(t, filepath.Join(dir, "model.safetensors.index.json"))
	require.FileExists(t, filepath.Join(dir, "model-00001-of-00003.safetensors"))
	other := newLoop(t, tensor.Float32, 2, adam())
	_, err := checkpoint.LoadModel(t.Context(), dir, other.model(), nil)
	require.NoError(t, err, "the folder is one of the hub's form")
	require.Equal(t, l.bits(), other.bits())
	again := newLoop(t, tensor.Float32, 3, adam())
	train(t, path, again, &Options{ShardSize: 150}, 5)
	require.Equal(t, l.bits(), again.bits())
}

// TestARunIsNotBegunOverWhatItWentBackBehind has only abandoned checkpoints left.
func TestARunIsNotBegunOverWhatItWentBackBehind(t *testing.T) {
	path := runPath(t)
	l := newLoop(t, tensor.Float32, 1, adam())
	train(t, path, l, &Options{EverySteps: 5, KeepLast: 10}, 20)
	train(t, path, l, &Options{EverySteps: 5, KeepLast: 10, From: AtStep(10)}, 10)
	for _, name := range []string{"step-000000000005-g000001", "step-000000000010-g000001", "step-000000000010-g000003"} {
		require.NoError(t, os.RemoveAll(filepath.Join(path, name)))
	}
	r := newRun(t, path, nil)
	_, err := r.Restore(t.Context(), l.parts()...)
	require.ErrorIs(t, err, ErrNoUsable)
	require.ErrorContains(t, err, "step-000000000020-g000001: the run has gone back behind it")
	require.NoError(t, r.Close())
	restored := train(t, path, l, &Options{From: ByID("step-000000000020-g000001")}, 20)
	require.EqualValues(t, 20, restored.Step, "asked for by name, it is there")
}
