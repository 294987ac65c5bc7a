package store

// These tests change what was written, one bit, one byte, one file at a time. Each change is
// called damage, or a newer format, or a foreign run; none is overlooked.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// modelSize is how many bytes the model of a damaged checkpoint has, of which headerSize are its
// header.
const (
	modelSize  = 64 << 10
	headerSize = 1 << 10
)

// aRun is a run on the disk in memory, of two checkpoints of one size.
type aRun struct {
	disk  *faulty.Disk
	store *Store
	model []byte // of the first
}

var first, second = ID{1, 100}, ID{1, 200}

func newRun(t *testing.T) *aRun {
	t.Helper()
	r := &aRun{disk: faulty.NewDisk()}
	s, err := Open("/run", &Options{FS: r.disk.Process()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = s.GoOn(t.Context(), nil)
	require.NoError(t, err)
	r.store = s
	r.save(t, second.Step-100, 1)
	r.model = r.bytes(t, first, "model.safetensors")
	r.save(t, second.Step, 2)
	return r
}

// save makes a model of two tensors behind a header, and a state.
func (r *aRun) save(t *testing.T, step int64, seed byte) {
	t.Helper()
	model := make([]byte, modelSize)
	for i := range model {
		model[i] = byte(i>>8) ^ byte(i)*seed
	}
	state := fmt.Appendf(nil, `{"step": %d}`, step)
	p, err := r.store.Begin(step, map[string]int64{"model.safetensors": modelSize, "state.json": int64(len(state))}, 0)
	require.NoError(t, err)
	tensors := map[string]*Tensor{}
	for i, name := range []string{"a", "b"} {
		half := int64(modelSize-headerSize) / 2
		begin := headerSize + int64(i)*half
		tensors[name] = &Tensor{Range: [2]int64{begin, begin + half}, CRC: sumOf(model[begin : begin+half])}
	}
	finish := func(context.Context) (Sum, map[string]*Tensor, error) { return sumOf(model), tensors, nil }
	require.NoError(t, p.Write(t.Context(), "model.safetensors", Data{Bytes: model, Finish: finish}))
	require.NoError(t, p.Write(t.Context(), "state.json", Data{Bytes: state}))
	_, err = p.Commit(t.Context(), &Manifest{
		Kind: "periodic", Metrics: map[string]jsonfloat.Float{"loss": 0.25}, Extra: json.RawMessage(`{"user":["data"]}`),
	})
	require.NoError(t, err)
}

func (r *aRun) path(id ID, name string) string { return path.Join("/run", id.String(), name) }

func (r *aRun) bytes(t *testing.T, id ID, name string) []byte {
	t.Helper()
	b, err := r.disk.ReadFile(r.path(id, name))
	require.NoError(t, err)
	return b
}

// with has a file hold something else for as long as fn runs.
func (r *aRun) with(id ID, name string, other []byte, fn func()) {
	var old []byte
	at := r.path(id, name)
	r.disk.Damage(at, func(b []byte) []byte { old = b; return other })
	fn()
	r.disk.Damage(at, func([]byte) []byte { return old })
}

// read opens a checkpoint and reads all of it.
func (r *aRun) read(t *testing.T, id ID) error {
	t.Helper()
	c, err := r.store.Checkpoint(id)
	if err != nil {
		return err
	}
	err = c.Verify(t.Context())
	require.NoError(t, c.Close())
	return err
}

// requireDamage requires that the damage is named, and of which file it is.
func requireDamage(t *testing.T, err error, id ID, file string, what ...any) *DamageError {
	t.Helper()
	var damage *DamageError
	if !errors.As(err, &damage) || damage.ID != id || damage.File != file || !errors.Is(err, ErrDamaged) {
		require.Failf(t, "not the damage of that file", "%s/%s, %v: %v", id, file, what, err)
	}
	return damage
}

// TestEveryBitOfAManifest: no bit of it can turn, and no byte be missing or too many.
func TestEveryBitOfAManifest(t *testing.T) {
	r := newRun(t)
	good := r.bytes(t, first, ManifestName)
	cases := 0
	try := func(bad []byte, what string, n int) {
		cases++
		_, err := decode(bad)
		require.Error(t, err, what, n)
		if n%8 != 0 {
			return // the way through the files is the same for all
		}
		r.with(first, ManifestName, bad, func() {
			e, err := r.store.Entry(first)
			require.NoError(t, err)
			require.Nil(t, e.Manifest)
			requireDamage(t, e.Err, first, ManifestName, what, n)
			requireDamage(t, r.read(t, first), first, ManifestName, what, n)
		})
	}
	for bit := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		try(bad, "bit", bit)
	}
	for n := range good {
		try(good[:n], "cut to", n)
		try(append(bytes.Clone(good), good[:n+1]...), "longer by", n)
		try(slices.Delete(bytes.Clone(good), n, n+1), "without byte", n)
	}
	t.Logf("%d manifests", cases)
	require.NoError(t, r.read(t, first))
}

// TestEveryBitOfAFile: no bit of it can turn. All are tried on the sums; through the files, one of
// each byte of the header and of every few others.
func TestEveryBitOfAFile(t *testing.T) {
	r := newRun(t)
	e, err := r.store.Entry(first)
	require.NoError(t, err)
	file := e.Manifest.Files["model.safetensors"]
	bad := bytes.Clone(r.model)
	for bit := 0; bit < 8*len(bad); bit += bitsApart {
		bad[bit/8] ^= 1 << (bit % 8)
		if sumOf(bad) == file.CRC {
			require.Fail(t, "overlooked", "bit %d", bit)
		}
		bad[bit/8] ^= 1 << (bit % 8)
	}
	for n := 0; n < len(bad); n += readsApart(n) {
		bad[n] ^= byte(1 << (n % 8))
		r.with(first, "model.safetensors", bytes.Clone(bad), func() {
			damage := requireDamage(t, r.read(t, first), first, "model.safetensors", "byte", n)
			r.requirePlace(t, file, damage, n)
		})
		bad[n] ^= byte(1 << (n % 8))
	}
	require.NoError(t, r.read(t, first))
}

// readsApart is how far from byte n the next one is that is read through the files.
func readsApart(n int) int {
	if n < headerSize {
		return 1
	}
	return 29
}

// requirePlace requires that the tensor around byte n is named.
func (r *aRun) requirePlace(t *testing.T, file *File, damage *DamageError, n int) {
	t.Helper()
	want := ""
	for name, x := range file.Tensors {
		if int64(n) >= x.Range[0] && int64(n) < x.Range[1] {
			want = name
		}
	}
	if damage.Tensor != want || want != "" && (int64(n) < damage.Begin || int64(n) >= damage.End) {
		require.Failf(t, "not the tensor", "byte %d is in %q: %v", n, want, damage)
	}
}

// TestEveryLengthOfAFile: a file that is cut short, or has grown, is damaged.
func TestEveryLengthOfAFile(t *testing.T) {
	r := newRun(t)
	for n := 0; n < modelSize; n += lengthsApart {
		r.with(first, "model.safetensors", r.model[:n], func() {
			requireDamage(t, r.read(t, first), first, "model.safetensors", "cut to", n)
		})
	}
	r.with(first, "model.safetensors", append(bytes.Clone(r.model), 0), func() {
		requireDamage(t, r.read(t, first), first, "model.safetensors", "longer")
	})
	state := r.bytes(t, first, "state.json")
	for n := range state {
		r.with(first, "state.json", state[:n], func() {
			c, err := r.store.Checkpoint(first)
			require.NoError(t, err)
			_, err = c.ReadAll("state.json")
			requireDamage(t, err, first, "state.json", "cut to", n)
			require.NoError(t, c.Close())
		})
	}
}

// TestFilesOfElsewhere: files that are good, and of another place.
func TestFilesOfElsewhere(t *testing.T) {
	p := func(r *aRun) fsys.FS { return r.disk.Process() }
	tests := map[string]struct {
		change func(t *testing.T, r *aRun)
		file   string // that is damaged
	}{
		"two files swapped": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Exchange(r.path(first, "model.safetensors"), r.path(first, "state.json")))
		}, "model.safetensors"},
		"a file from another step": {func(t *testing.T, r *aRun) {
			r.disk.WriteFile(r.path(first, "model.safetensors"), r.bytes(t, second, "model.safetensors"))
		}, "model.safetensors"},
		"the manifest from another step": {func(t *testing.T, r *aRun) {
			r.disk.WriteFile(r.path(first, ManifestName), r.bytes(t, second, ManifestName))
		}, ManifestName},
		"a file missing": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Remove(r.path(first, "state.json")))
		}, "state.json"},
		"the manifest missing": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Remove(r.path(first, ManifestName)))
		}, ManifestName},
		"the manifest empty": {func(_ *testing.T, r *aRun) {
			r.disk.WriteFile(r.path(first, ManifestName), nil)
		}, ManifestName},
		"a manifest that is too long": {func(_ *testing.T, r *aRun) {
			r.disk.WriteFile(r.path(first, ManifestName), make([]byte, maxManifest+1))
		}, ManifestName},
		"a directory in place of the manifest": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Remove(r.path(first, ManifestName)))
			r.disk.Mkdir(r.path(first, ManifestName))
		}, ManifestName},
		"a directory in place of a file": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Remove(r.path(first, "model.safetensors")))
			r.disk.Mkdir(r.path(first, "model.safetensors"))
		}, "model.safetensors"},
		"a link in place of the manifest": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Rename(r.path(first, ManifestName), "/run/elsewhere"))
			r.disk.Symlink("../elsewhere", r.path(first, ManifestName))
		}, ManifestName},
		"an empty directory": {func(t *testing.T, r *aRun) {
			for _, name := range []string{ManifestName, "model.safetensors", "state.json"} {
				require.NoError(t, p(r).Remove(r.path(first, name)))
			}
		}, ManifestName},
		"a file in place of the directory": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Rename("/run/"+first.String(), "/elsewhere"))
			r.disk.WriteFile("/run/"+first.String(), r.model)
		}, ""},
		"a link in place of the directory": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Rename("/run/"+first.String(), "/run/elsewhere"))
			r.disk.Symlink("elsewhere", "/run/"+first.String())
		}, ""},
		"the directory of another step": {func(t *testing.T, r *aRun) {
			require.NoError(t, p(r).Exchange("/run/"+first.String(), "/run/"+second.String()))
		}, ManifestName},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			test.change(t, r)
			requireDamage(t, r.read(t, first), first, test.file)
			before := r.disk.Names("/run")
			entries, err := r.store.List()
			require.NoError(t, err, "the others can be used")
			if entries[0].Err != nil {
				_, err := r.store.Prune(t.Context(), []ID{first}, []ID{second})
				require.Error(t, err, "what cannot be read is not deleted")
				require.Equal(t, before, r.disk.Names("/run"))
			}
		})
	}
}

// TestExtraFiles: what is not ours hurts nobody, and is not deleted.
func TestExtraFiles(t *testing.T) {
	r := newRun(t)
	r.disk.WriteFile(r.path(first, "notes.txt"), []byte("mine"))
	require.NoError(t, r.read(t, first))
	e, err := r.store.Entry(first)
	require.NoError(t, err)
	require.Equal(t, []string{"notes.txt"}, e.Foreign)
	_, err = r.store.Prune(t.Context(), []ID{first}, []ID{second})
	require.ErrorIs(t, err, ErrPinned)
	require.ErrorContains(t, err, "notes.txt")
	require.NoError(t, r.read(t, first))
}

// TestNewerFormat is an old program at a run of a newer one: it says so, does not take the
// checkpoint for damaged, and leaves it where it is.
func TestNewerFormat(t *testing.T) {
	r := newRun(t)
	newer := redigest(t, bytes.Replace(r.bytes(t, second, ManifestName), []byte(`"format": 1,`), []byte(`"format": 2, "files": "elsewhere",`), 1))
	r.disk.Damage(r.path(second, ManifestName), func([]byte) []byte { return newer })
	before := r.disk.Names("/run")
	for range 2 {
		entries, err := r.store.List()
		require.NoError(t, err)
		require.Len(t, entries, 2, "it is not left out")
		require.ErrorIs(t, entries[1].Err, ErrNewerFormat)
		require.NotErrorIs(t, entries[1].Err, ErrDamaged)
		require.ErrorContains(t, entries[1].Err, second.String())
		require.ErrorIs(t, r.read(t, second), ErrNewerFormat)
		_, err = r.store.Prune(t.Context(), []ID{second}, []ID{first})
		require.ErrorIs(t, err, ErrNewerFormat)
	}
	require.Equal(t, before, r.disk.Names("/run"))
	require.NoError(t, r.store.Close())
	s, err := Open("/run", &Options{FS: r.disk.Process()})
	require.NoError(t, err)
	require.Subset(t, r.disk.Names("/run"), []string{first.String(), second.String()})
	require.NoError(t, s.Close())
}

// TestForeignRun: a good checkpoint of another run is told from damage.
func TestForeignRun(t *testing.T) {
	r := newRun(t)
	m, err := decode(r.bytes(t, second, ManifestName))
	require.NoError(t, err)
	m.Run = strings.Repeat("0", 32)
	b, err := m.encode()
	require.NoError(t, err)
	r.with(second, ManifestName, b, func() {
		err := r.read(t, second)
		require.ErrorIs(t, err, ErrForeign)
		require.NotErrorIs(t, err, ErrDamaged)
		_, err = r.store.Prune(t.Context(), []ID{second}, []ID{first})
		require.ErrorIs(t, err, ErrForeign)
	})
}

// redigest gives a changed manifest the digest that it ought to have.
func redigest(t *testing.T, b []byte) []byte {
	t.Helper()
	require.Greater(t, len(b), digestSize)
	return withDigest(b[:len(b)-digestSize])
}

func withDigest(body []byte) []byte {
	sum := sha256.Sum256(body)
	return slices.Concat(body, fmt.Appendf(nil, "%s%x%s", digestBefore, sum, digestAfter))
}
