package checkpoint

// This file is about what of a model is saved, handed out.

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Sources, written by whatever means, are what SaveModel writes.
func TestSourcesAreWhatIsSaved(t *testing.T) {
	tied, turned := counting(3, 4), counting(2, 5)
	require.NoError(t, turned.T())
	m := FromValues(map[string]*tensor.Dense{"a": tied, "b": tied, "half": counting(6), "turned": turned})
	o := &SaveOptions{
		Checksums: true, Align: 4096, NoSync: true,
		Metadata: map[string]string{"run": "7", "kibisis.set": "of another file"},
		DType: func(param string) safetensors.DType {
			if param == "half" {
				return safetensors.F16
			}
			return 0
		},
	}
	var want bytes.Buffer
	require.NoError(t, WriteModel(t.Context(), &want, m, o))

	src, opt, err := Sources(m, o)
	require.NoError(t, err)
	require.Len(t, src, 3)
	require.Equal(t, map[string]string{"format": "pt", "run": "7", "b": "a"}, opt.Metadata)
	require.True(t, opt.NoSync)
	image, err := safetensors.PlanImage(safetensors.SpecsOf(src), opt)
	require.NoError(t, err)
	memory := make([]byte, image.Size())
	save := func() {
		require.NoError(t, image.Place(memory))
		require.NoError(t, image.Fill(t.Context(), src))
		require.NoError(t, image.Seal(t.Context()))
		require.Equal(t, want.Bytes(), memory)
	}
	save()

	// They are the live values: the next step's are read through the same sources.
	copy(tied.Data().([]float32), count(100, 12))
	copy(turned.Data().([]float32), count(200, 10))
	before := bytes.Clone(want.Bytes())
	want.Reset()
	require.NoError(t, WriteModel(t.Context(), &want, m, o))
	require.NotEqual(t, before, want.Bytes())
	save()
}

func TestSourcesOfNothing(t *testing.T) {
	_, _, err := Sources(one(counting(1)), &SaveOptions{Only: func(string) bool { return false }})
	var e *ModelError
	require.ErrorAs(t, err, &e)
	src, opt, err := Sources(one(counting(1)), nil)
	require.NoError(t, err)
	require.Len(t, src, 1)
	require.Nil(t, opt.Metadata)
}
