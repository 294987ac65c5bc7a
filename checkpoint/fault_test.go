//go:build unix

package checkpoint

// These tests cut files short while they are mapped. (Windows does not let anybody do
// that.)

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// filled is a model of n vectors p0, p1, ... of so many floats, all x.
func filled(n, floats int, x float32) map[string]*tensor.Dense {
	m := map[string]*tensor.Dense{}
	for i := range n {
		d := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(floats))
		if err := d.Memset(x); err != nil {
			panic(err)
		}
		m[fmt.Sprint("p", i)] = d
	}
	return m
}

func TestMappedFileCutBeforeTheLoad(t *testing.T) {
	for _, size := range []int64{0, 1, 4096, 80_000, 40*4096 - 8192} {
		path := saved(t, FromValues(filled(4, 10_000, 1)), &SaveOptions{NoSync: true})
		f := openPath(t, path)
		require.NoError(t, os.Truncate(path, size))
		err := refused(t, f, FromValues(filled(4, 10_000, 2)), nil)
		require.ErrorIs(t, err, mmap.ErrFault)
		require.ErrorContains(t, err, `tensor "p`)
		require.ErrorContains(t, err, "of model.safetensors")
	}
}

// Bytes that are missing from the last page do not fault, they read as zeros. That is
// found before the copy, and, if it happens then, after it.
func TestMappedFileCutWithinAPage(t *testing.T) {
	path := saved(t, one(counting(1000)), nil)
	f := openPath(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, info.Size()-1))
	require.ErrorIs(t, refused(t, f, one(counting(1000)), nil), mmap.ErrFault)

	path = saved(t, one(counting(1000)), nil)
	cut := func(int64, int64) { require.NoError(t, os.Truncate(path, info.Size()-1)) }
	_, err = ReadModel(t.Context(), openPath(t, path), one(counting(1000)), &LoadOptions{Progress: cut})
	var partial *PartialLoadError
	require.ErrorAs(t, err, &partial)
	require.ErrorIs(t, err, mmap.ErrFault)
	require.Len(t, partial.Written, 1)
}

// Slices, conversions and rows are read in other ways, which fail as well.
func TestMappedFileCutBeforeOtherLoads(t *testing.T) {
	path := saved(t, one(counting(100, 1000)), nil)
	f := openPath(t, path)
	require.NoError(t, os.Truncate(path, 4096))
	columns := &LoadOptions{Stored: always(Stored{Slice: []safetensors.Index{safetensors.All(), safetensors.Range(0, 10)}})}
	rows := &LoadOptions{Stored: always(Stored{Slice: []safetensors.Index{safetensors.Range(50, 100)}})}
	require.ErrorIs(t, refused(t, f, one(counting(100, 10)), columns), mmap.ErrFault)
	require.ErrorIs(t, refused(t, f, one(counting(50, 1000)), rows), mmap.ErrFault)
	wide := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(100, 1000))
	require.ErrorIs(t, refused(t, f, one(wide), &LoadOptions{Cast: CastExact}), mmap.ErrFault)
}

// A file that is cut between staging and comparing: what is compared is read again.
func TestMappedFileCutBeforeComparing(t *testing.T) {
	shared := counting(100_000)
	turned := counting(300, 300)
	again := turned.ShallowClone()
	require.NoError(t, again.T())
	for name, m := range map[string]map[string]*tensor.Dense{
		"a tie":    {"a": shared, "b": shared},
		"overlaps": {"a": turned, "b": again},
	} {
		t.Run(name, func(t *testing.T) {
			untied := map[string]*tensor.Dense{}
			for key, d := range m {
				untied[key] = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(d.Shape()...))
			}
			path := saved(t, FromValues(untied), nil)
			f := openPath(t, path)
			params, o, err := targets(FromValues(m), nil)
			require.NoError(t, err)
			plan, err := match(f, params, o)
			require.NoError(t, err)
			require.NoError(t, plan.stage(t.Context(), o))
			require.NoError(t, plan.conflicts())
			require.NoError(t, os.Truncate(path, 4096))
			require.ErrorIs(t, plan.conflicts(), mmap.ErrFault)
		})
	}
}

// A file that is cut between the two halves of a load is found out before the copy.
func TestMappedFileCutBeforeTheCommit(t *testing.T) {
	path := saved(t, one(counting(1000)), nil)
	m := one(countingFrom(1, 1000))
	s, err := StageModel(t.Context(), openPath(t, path), m, nil)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 100))
	before := liveBytes(m)
	_, err = s.Commit()
	require.ErrorIs(t, err, mmap.ErrFault)
	require.NotErrorIs(t, err, ErrPartialLoad)
	require.Equal(t, before, liveBytes(m))
}

// TestMappedFileCutDuringTheCopy: the one failure that leaves a mixture. The process
// lives, and the error says what was written.
func TestMappedFileCutDuringTheCopy(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // with many cores all is copied at once
	const n, floats = 16, 1 << 20
	saveNew := func() string { return saved(t, FromValues(filled(n, floats, 1)), &SaveOptions{NoSync: true}) }
	path := saveNew()
	live := filled(n, floats, 2)
	tied := live["p0"]
	live["also p0"] = tied
	model := FromValues(live)

	calls := 0
	_, err := LoadModel(t.Context(), path, model, &LoadOptions{
		Progress: func(done, total int64) {
			if calls++; calls == 1 {
				require.NoError(t, os.Truncate(path, 4096))
			}
			require.Less(t, done, total)
		},
	})
	require.ErrorIs(t, err, ErrPartialLoad)
	require.ErrorIs(t, err, mmap.ErrFault)
	var e *PartialLoadError
	require.ErrorAs(t, err, &e)
	require.True(t, slices.IsSorted(e.Written))
	require.NotEmpty(t, e.Written)
	require.Less(t, len(e.Written), n, "after the first failure no other tensor is begun")
	require.ErrorContains(t, err, "the model is partly overwritten: tensor \"p")
	require.ErrorContains(t, err, fmt.Sprintf("%d written tensors: ", len(e.Written)))

	whole := 0
	for name, d := range live {
		changed := 0
		for _, x := range d.Data().([]float32) {
			if x == 1 {
				changed++
			}
		}
		require.True(t, changed > 0 || allAre(d.Data().([]float32), 2))
		if changed == floats {
			whole++
		}
		if changed > 0 {
			require.Contains(t, e.Written, name)
		}
	}
	require.Positive(t, whole, "what was reported as progress was copied")
	require.Equal(t, slices.Contains(e.Written, "p0"), slices.Contains(e.Written, "also p0"))

	// The mixture can be mended.
	_, err = LoadModel(t.Context(), saveNew(), FromValues(filled(n, floats, 0)), nil)
	require.NoError(t, err)
}

// A copy that converts fails in the same way.
func TestMappedFileCutDuringAConversion(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	path := saved(t, FromValues(filled(8, 1<<20, 1)), &SaveOptions{NoSync: true})
	live := map[string]*tensor.Dense{}
	for name := range filled(8, 1, 0) {
		live[name] = tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(1<<20))
	}
	cut := false
	_, err := LoadModel(t.Context(), path, FromValues(live), &LoadOptions{Cast: CastExact, Progress: func(int64, int64) {
		if !cut {
			cut = true
			require.NoError(t, os.Truncate(path, 4096))
		}
	}})
	var e *PartialLoadError
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Written)
	require.Less(t, len(e.Written), 8)
}

// A tensor may lie in memory that cannot be written, a file mapped for reading. That is
// found out by the copy.
func TestLoadIntoReadOnlyMemory(t *testing.T) {
	path := saved(t, one(counting(1000)), nil)
	f := openPath(t, path)
	x, err := f.Tensor("x")
	require.NoError(t, err)
	view, err := safetensors.As[float32](x)
	require.NoError(t, err)
	require.True(t, view.Mapped())
	m := one(tensor.New(tensor.WithShape(1000), tensor.WithBacking(view.Data())))
	_, err = ReadModel(t.Context(), fileFrom(t, nil, floatsIn("x", []int{1000}, make([]float32, 1000)...)), m, nil)
	require.ErrorIs(t, err, ErrPartialLoad)
	require.ErrorIs(t, err, mmap.ErrFault)
	require.Equal(t, count(0, 1000), view.Data())
}
