package checkpoint

// This file is about loads in two halves: what is staged has changed nothing, and several
// are committed all or none.

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// named is a model of one value.
func named(name string, d *tensor.Dense) Model { return FromValues(map[string]*tensor.Dense{name: d}) }

// The two halves do what ReadModel does, the first without a change.
func TestStageThenCommit(t *testing.T) {
	f := fileFrom(t, nil, floatsIn("w", []int{3}, 7, 8, 9), floatsIn("x", nil, 1))
	w, once := counting(3), counting(3)
	m := named("w", w)
	o := &LoadOptions{AllowUnexpected: true}
	want := mustLoad(t, f, named("w", once), o)

	before := liveBytes(m)
	s, err := StageModel(t.Context(), f, m, o)
	require.NoError(t, err)
	require.Equal(t, want, s.Report())
	require.Equal(t, before, liveBytes(m))

	report, err := s.Commit()
	require.NoError(t, err)
	require.Equal(t, want, report)
	require.Equal(t, once.Data(), w.Data())
}

// A parameter without a value gets it from Commit.
func TestStageBindsNothing(t *testing.T) {
	n := gorgonia.NewVector(gorgonia.NewGraph(), tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("w"))
	s, err := StageModel(t.Context(), fileFrom(t, nil, floatsIn("w", []int{3}, 7, 8, 9)), FromNodes(n), nil)
	require.NoError(t, err)
	require.Nil(t, n.Value())
	_, err = s.Commit()
	require.NoError(t, err)
	require.Equal(t, []float32{7, 8, 9}, n.Value().Data())
}

// Of several parts, all are loaded or none: whatever is wrong with the second is known
// before the first has changed.
func TestSeveralPartsAreLoadedOrNone(t *testing.T) {
	weights := fileFrom(t, nil, floatsIn("w", []int{3}, 7, 8, 9))
	slots := fileFrom(t, nil, floatsIn("exp_avg.w", []int{3}, 1, 2, 3))
	for name, c := range map[string]struct {
		state *tensor.Dense
		want  error
	}{
		"fits":          {counting(3), nil},
		"another shape": {counting(4), ErrMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			w := counting(3)
			model, optimizer := named("w", w), named("exp_avg.w", c.state)
			live := func() []map[string]string { return []map[string]string{liveBytes(model), liveBytes(optimizer)} }
			before := live()
			load := func() error {
				first, err := StageModel(t.Context(), weights, model, nil)
				require.NoError(t, err)
				second, err := StageModel(t.Context(), slots, optimizer, nil)
				if err != nil {
					return err
				}
				require.Equal(t, before, live())
				_, err = first.Commit()
				require.NoError(t, err)
				_, err = second.Commit()
				return err
			}
			err := load()
			require.ErrorIs(t, err, c.want)
			if c.want != nil {
				require.Equal(t, before, live())
				return
			}
			require.Equal(t, count(7, 3), w.Data())
			require.Equal(t, count(1, 3), c.state.Data())
		})
	}
}

// A second Commit does nothing: training may have gone on.
func TestCommitOnce(t *testing.T) {
	w := counting(3)
	s, err := StageModel(t.Context(), fileFrom(t, nil, floatsIn("w", []int{3}, 7, 8, 9)), named("w", w), nil)
	require.NoError(t, err)
	_, err = s.Commit()
	require.NoError(t, err)
	copy(w.Data().([]float32), count(20, 3))
	_, err = s.Commit()
	require.ErrorContains(t, err, "committed before")
	require.Equal(t, count(20, 3), w.Data())
	require.Equal(t, []string{"w"}, s.Report().Loaded)
}

// A file that was closed since it was staged is an error that changes nothing.
func TestCommitOfAClosedFile(t *testing.T) {
	m := named("w", counting(3))
	f := openPath(t, saved(t, named("w", countingFrom(5, 3)), nil))
	s, err := StageModel(t.Context(), f, m, nil)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	before := liveBytes(m)
	_, err = s.Commit()
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrPartialLoad)
	require.Equal(t, before, liveBytes(m))
}

func TestStageIsCancelled(t *testing.T) {
	why := errors.New("the user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err := StageModel(ctx, fileFrom(t, nil, floatsIn("w", []int{3}, 7, 8, 9)), named("w", counting(3)), nil)
	require.ErrorIs(t, err, why)
}
