package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// TestBigFile: every row has bytes of its own, so that a row that reads the wrong one is
// found out, and what is read cold is not what is read warm.
func TestBigFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big")
	const size = 8 << 20
	require.NoError(t, writeBig(t.Context(), path, size))
	f, err := safetensors.Open(path, nil)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, len(bigLayers)+2, f.Len())

	seen := map[string]string{}
	l := &lab{options: options{big: size}}
	for _, p := range append(l.warmParts(), l.coldParts()...) {
		for call := range p.tensors {
			got := make([]byte, p.size)
			require.NoError(t, readPart(f, p, call, got))
			require.NotContains(t, seen, string(got), "%s of %s", p.what, p.tensor(call))
			seen[string(got)] = p.tensor(call)
			if call == 0 {
				require.NoError(t, p.isFirst(got))
			}
		}
	}
}

// TestShuffledFile: the same tensors, in an order that is not that of the data.
func TestShuffledFile(t *testing.T) {
	const n = 1000
	plain, shuffled := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "shuffled")
	require.NoError(t, writeTensors(plain, n))
	require.NoError(t, writeShuffled(shuffled, n))
	require.NoError(t, openFile(shuffled, n))
	want, err := safetensors.Open(plain, nil)
	require.NoError(t, err)
	defer want.Close()
	got, err := safetensors.Open(shuffled, nil)
	require.NoError(t, err)
	defer got.Close()
	require.Equal(t, want.Names(), got.Names(), "in the order of the data")
	header, err := readHeader(shuffled)
	require.NoError(t, err)
	require.NotContains(t, string(header[:60]), tensorName(0))
}
