package httprange

// This file opens sets of shards over HTTP: a request for the index, one a shard.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

func TestSetOverHTTP(t *testing.T) {
	index, files := shards(t, 3)
	s := library(t, files)
	base := s.URL + "/org/model/resolve/main"
	for name, open := range map[string]func() (*safetensors.File, error){
		"Open": func() (*safetensors.File, error) {
			return Open(t.Context(), base+"/model.safetensors.index.json", eager(nil))
		},
		"FS": func() (*safetensors.File, error) {
			return safetensors.OpenFS(FS(t.Context(), base, eager(nil)), "model.safetensors.index.json", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.seen = nil
			f, err := open()
			require.NoError(t, err)
			for tensor := range index {
				x, err := f.Tensor(tensor)
				require.NoError(t, err)
				b, err := x.Bytes()
				require.NoError(t, err)
				require.Equal(t, tensor, string(b))
			}
			require.Len(t, s.paths(), 4)
			require.NoError(t, f.Close())
		})
	}
}
