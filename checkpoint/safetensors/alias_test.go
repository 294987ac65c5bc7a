package safetensors

// This file is about names that the metadata says are shared with a tensor.

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAliases(t *testing.T) {
	long := map[string]string{}
	for i := range 40 {
		long[fmt.Sprint(i)] = fmt.Sprint(i + 1)
	}
	long["40"] = "w"
	nearest := map[string]string{}
	for i := 40; i > 40-maxAliasChain; i-- {
		nearest[fmt.Sprint(i)] = "w"
	}

	for name, c := range map[string]struct{ metadata, want map[string]string }{
		"no metadata":            {nil, map[string]string{}},
		"one":                    {map[string]string{"tied": "w"}, map[string]string{"tied": "w"}},
		"two of one tensor":      {map[string]string{"a": "w", "b": "w"}, map[string]string{"a": "w", "b": "w"}},
		"chain":                  {map[string]string{"a": "b", "b": "c", "c": "w"}, map[string]string{"a": "w", "b": "w", "c": "w"}},
		"chain longer than sane": {long, nearest},
		"cycle":                  {map[string]string{"a": "b", "b": "c", "c": "a", "d": "a"}, map[string]string{}},
		"itself":                 {map[string]string{"a": "a"}, map[string]string{}},
		"target missing":         {map[string]string{"a": "nothing", "b": "a"}, map[string]string{}},
		"key is a tensor":        {map[string]string{"v": "w"}, map[string]string{}},
		"through a tensor":       {map[string]string{"a": "v", "v": "w"}, map[string]string{"a": "v"}},
		"format is no alias":     {map[string]string{"format": "pt", "a": "format"}, map[string]string{}},
		"our keys are none":      {map[string]string{"kibisis.x": "w", "a": "kibisis.x"}, map[string]string{}},
		"the empty name":         {map[string]string{"": "w", "a": ""}, map[string]string{"": "w", "a": "w"}},
		"free text":              {map[string]string{"author": "someone", "license": "w"}, map[string]string{"license": "w"}},
	} {
		t.Run(name, func(t *testing.T) {
			// A tensor is called pt, so that format would be an alias if it were not format.
			f := opened(t, encoded(t, c.metadata, piece("w", U8, 0, 1, 1), piece("v", U8, 0, 1, 1), piece("pt", U8, 0, 1, 1)), nil)
			require.Equal(t, c.want, f.Aliases())
			for alias := range c.want {
				_, err := f.Tensor(alias)
				require.ErrorIs(t, err, ErrNotFound, "Tensor does not look through aliases")
			}
		})
	}
}

func TestAliasesOfPythonsSaveModel(t *testing.T) {
	f, err := Open(filepath.Join(goldenDir, "safetensors-py-tied.safetensors"), nil)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"b.weight": "a.weight", "b.bias": "a.bias"}, f.Aliases())
	require.NoError(t, f.Close())
}

func TestMetadataIsTheCallersOwn(t *testing.T) {
	for _, want := range []map[string]string{nil, {}, {"k": "v", "": "\x00\n\u2028", "\U0001f600": `"`}} {
		f := opened(t, encoded(t, want, piece("w", U8, 0, 1, 1)), nil)
		require.Equal(t, want, f.Metadata())
		if m := f.Metadata(); m != nil {
			m["k"] = "changed"
			require.Equal(t, want, f.Metadata())
		}
	}
}
