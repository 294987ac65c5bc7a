package safetensors

// This file runs the conformance corpus, testdata/vectors: every vector through
// every way into the package, strict and lenient, and past the reference itself.

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/vectors"
)

func corpus(t testing.TB) []vectors.Vector {
	t.Helper()
	all, err := vectors.Load("../../testdata/vectors")
	require.NoError(t, err)
	require.Greater(t, len(all), 150)
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range corpus(t) {
		t.Run(v.Name, func(t *testing.T) {
			for _, in := range entrances {
				requireOutcome(t, v.Strict, in.open(t, v.File, OpenOptions{}), in.name+", strict")
				requireOutcome(t, v.Lenient, in.open(t, v.File, OpenOptions{Lenient: true}), in.name+", lenient")
			}
			requireContent(t, v)
		})
	}
}

// requireOutcome compares an error with the word that a vector has for it.
func requireOutcome(t *testing.T, want string, err error, how string) {
	t.Helper()
	if want == "ok" {
		require.NoError(t, err, how)
		return
	}
	require.Error(t, err, how)
	require.Equal(t, want, string(kindOf(t, err)), how)
}

// requireContent compares tensors and metadata of a vector that opens.
func requireContent(t *testing.T, v vectors.Vector) {
	t.Helper()
	if v.Lenient != "ok" {
		require.Empty(t, v.Tensors, "tensors of a file that nobody opens")
		return
	}
	f, err := OpenBytes(v.File, &OpenOptions{Lenient: true})
	require.NoError(t, err)
	var tensors []string
	for name, x := range f.All() {
		var dims []string
		x.f.h.dimsOf(x.e, func(dim uint64) { dims = append(dims, fmt.Sprint(dim)) })
		tensors = append(tensors, fmt.Sprintf("%s %s [%s] %d:%d", quoted(name), x.DType(), strings.Join(dims, ","), x.e.begin, x.e.end))
		_, err := f.Tensor(name)
		require.NoError(t, err)
	}
	require.Equal(t, v.Tensors, tensors)
	var metadata []string
	m := f.Metadata()
	for _, key := range slices.Sorted(maps.Keys(m)) {
		metadata = append(metadata, quoted(key)+" "+quoted(m[key]))
	}
	if m != nil && len(m) == 0 {
		metadata = []string{"empty"}
	}
	require.Equal(t, v.Metadata, metadata)
}

func quoted(s string) string { return strconv.QuoteToASCII(s) }

// The strict reader takes nothing that the reference refuses, the lenient one
// exactly what it takes; and where the two part, the vector says why.
func TestVectorsGiveReasons(t *testing.T) {
	for _, v := range corpus(t) {
		if v.Lenient == "ok" {
			require.Equal(t, "ok", v.Reference, v.Name)
		} else {
			require.Equal(t, v.Reference, variants[ErrorKind(v.Lenient)], v.Name)
		}
		if v.Strict == v.Lenient {
			require.Empty(t, v.Differs, "%s: differs from nothing", v.Name)
		} else {
			require.NotEmpty(t, v.Differs, "%s: strict %s, reference %s", v.Name, v.Strict, v.Reference)
		}
	}
}

func TestRustVectors(t *testing.T) {
	p := startRust(t, "verdict")
	all := corpus(t)
	files := make([][]byte, len(all))
	for i, v := range all {
		files[i] = v.File
	}
	p.ask(t, files, func(i int) {
		line, err := p.out.ReadString('\n')
		require.NoError(t, err)
		verdict := withoutMessage(line)
		words := strings.Fields(verdict)
		if words[0] == "err" {
			require.Equal(t, all[i].Reference, words[1], all[i].Name)
			return
		}
		require.Equal(t, all[i].Reference, words[0], all[i].Name)
		requireVerdict(t, files[i], verdict)
	})
}
