package checkpoint

// This file loads sets of shards: one that huggingface_hub made, whole and damaged.

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const hubSet = "../testdata/sets/hub"

// hubModel has all of the set that Gorgonia has a type for, and its tied head.
func hubModel() (Model, map[string]*tensor.Dense) {
	of := func(d tensor.Dtype, shape ...int) *tensor.Dense {
		return tensor.New(tensor.Of(d), tensor.WithShape(shape...))
	}
	embed := of(tensor.Float32, 6, 4)
	values := map[string]*tensor.Dense{
		"embed.weight": embed, "head.weight": embed,
		"big": of(tensor.Int64, 40), "norm.weight": of(tensor.Float64, 20),
		"block.weight": of(tensor.Float32, 5, 8), "block.bias": of(tensor.Float32, 5),
		"table": of(tensor.Uint8, 3, 20),
	}
	return FromValues(values), values
}

var hubOptions = &LoadOptions{Cast: CastExact, AllowUnexpected: true}

func TestLoadModelOfAHubSet(t *testing.T) {
	f := openPath(t, hubSet)
	for _, path := range []string{hubSet, filepath.Join(hubSet, "model.safetensors.index.json")} {
		m, values := hubModel()
		report, err := LoadModel(t.Context(), path, m, hubOptions)
		require.NoError(t, err)
		require.Equal(t, []string{"block.mask", "nothing", "scale"}, report.Unexpected)
		for name, v := range values {
			from, err := f.Tensor(name)
			if name == "head.weight" {
				from, err = f.Tensor("embed.weight")
			}
			require.NoError(t, err)
			if d := from.DType(); d == safetensors.F16 || d == safetensors.BF16 {
				want, err := from.Float32s(nil)
				require.NoError(t, err)
				require.Equal(t, want, v.Data(), name)
				continue
			}
			want, err := from.Bytes()
			require.NoError(t, err)
			require.Equal(t, want, elements(t, v), name)
		}
	}
}

// A set with a shard that is cut, missing or another's leaves the model as it was.
func TestDamagedSetLeavesTheModelAlone(t *testing.T) {
	for what, damage := range map[string]func(t *testing.T, shard string){
		"cut":     func(t *testing.T, shard string) { require.NoError(t, os.Truncate(shard, 100)) },
		"missing": func(t *testing.T, shard string) { require.NoError(t, os.Remove(shard)) },
		"another": func(t *testing.T, shard string) {
			other, err := os.ReadFile(filepath.Join(filepath.Dir(shard), "model-00001-of-00005.safetensors"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(shard, other, 0o644))
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(hubSet)))
			damage(t, filepath.Join(dir, "model-00003-of-00005.safetensors"))
			m, _ := hubModel()
			before := liveBytes(m)
			_, err := LoadModel(t.Context(), dir, m, hubOptions)
			require.ErrorContains(t, err, "model-00003-of-00005.safetensors")
			require.Equal(t, before, liveBytes(m))
		})
	}
}
