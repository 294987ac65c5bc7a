package store

// These are the files and names of a run as somebody hostile may have made them.

import (
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// requireInProportion requires that fn allocates at most twice the input and 16 MiB.
func requireInProportion(t *testing.T, input int, fn func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20+2*input))
}

// FuzzManifest: what can be read is spelled in one way, that of encode, and its outline says the same; and the
// digest is not what stands between a hostile manifest and the program.
func FuzzManifest(f *testing.F) {
	m := aManifest()
	good, err := m.encode()
	require.NoError(f, err)
	f.Add(good[:len(good)-digestSize])
	f.Add([]byte(strings.Replace(string(good[:len(good)-digestSize]), "\n  \"kind\"", "\n  \"more\": 1,\n  \"kind\"", 1)))
	for _, text := range []string{
		`{"format":1,"run":"a","step":0,"generation":1,"lineage":null,"time":"2026-01-01T00:00:00Z","files":{}`,
		`{"format":2,"files":[]`, `{"format":1e9`, `{"format":-1`, `{`, ``, `[`, `null`,
		"{\n  \"format\": 1,\n  \"FORMAT\": 1",
		`{"format":1,"run":"a","step":1,"generation":3,"lineage":[{"generation":2,"step":9},{"generation":1}],"files":{"a":null}`,
		`{"format":1,"run":"a","step":1,"generation":3,"files":{"../a":{"size":-1,"tensors":{"x":{"range":[9,1]}}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := withDigest(body)
		var m *Manifest
		var err error
		requireInProportion(t, len(b), func() { _, _ = decodeOutline(b) })
		requireInProportion(t, len(b), func() { m, err = decode(b) })
		if err != nil {
			return
		}
		outline, err := decodeOutline(b)
		require.NoError(t, err)
		require.Equal(t, withoutDetails(m), outline)
		again, err := m.encode()
		require.NoError(t, err)
		require.Equal(t, string(b), string(again))
		require.NoError(t, m.check())
	})
}

// withoutDetails is m as an outline has it.
func withoutDetails(m *Manifest) *Manifest {
	short := *m
	short.Extra, short.Files = nil, map[string]*File{}
	for name, f := range m.Files {
		short.Files[name] = &File{Size: f.Size, CRC: f.CRC}
	}
	return &short
}

// FuzzManifestBytes is the same without a digest that is right.
func FuzzManifestBytes(f *testing.F) {
	m := aManifest()
	good, err := m.encode()
	require.NoError(f, err)
	f.Add(good, 1)
	f.Add([]byte(digestBefore+strings.Repeat("0", 64)+digestAfter), 0)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		requireInProportion(t, len(b), func() { _, _ = decode(b) }) // it must not panic
		if at >= 0 && at < len(good) {
			_, err := decode(append(good[:at:at], b...))
			require.True(t, err != nil || string(b) == string(good[at:]))
		}
	})
}

// aManifest has all there is.
func aManifest() *Manifest {
	return &Manifest{
		Format: Format, Run: "0123456789abcdef0123456789abcdef", Step: 400, Generation: 3,
		Lineage: Lineage{{1, 200}, {2, 300}}, RestoredFrom: "step-000000000300-g000002", Kind: "periodic",
		Metrics: map[string]jsonfloat.Float{"loss": 0.25, "acc": jsonfloat.Float(math.Copysign(0, -1))},
		Files: map[string]*File{
			"model.safetensors": {Size: 100, CRC: 1, Tensors: map[string]*Tensor{"a<b>": {Range: [2]int64{8, 16}, CRC: 2}, "b\n": {Range: [2]int64{16, 100}}}},
			"state.json":        {Size: 0},
		},
		Extra: json.RawMessage(`{"user": [1, 2, {"x": null}]}`),
	}
}

// FuzzNames: a name of ours has one spelling, stands for one thing, and stays in its directory.
func FuzzNames(f *testing.F) {
	for _, name := range []string{
		"step-000000000400-g000002", "step-400-g2", "step-1234567890123-g1234567", "step--00000000001-g000001", "step-000000000001-g000000",
		"step-99999999999999999999-g000001", "writer-g000001", "writer-g+00001", ".kibisis-tmp-g000001-00", ".kibisis-trash-step-000000000400-g000002",
		"damaged-step-000000000400-g000002", "bad-step-000000000400-g000002", "step-000000000400-g000002/..", "STEP-000000000400-G000002",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		meanings := 0
		if id, ok := ParseID(name); ok {
			meanings++
			require.Equal(t, name, id.String())
			require.Positive(t, id.Generation)
			require.GreaterOrEqual(t, id.Step, int64(0))
		}
		if g, ok := parseClaim(name); ok {
			meanings++
			require.Equal(t, name, claimName(g))
		}
		if g, ok := parseTemp(name); ok {
			meanings++
			require.True(t, strings.HasPrefix(name, tempName(g, "")))
		}
		for _, prefix := range []string{trashPrefix, damagedPrefix, evidencePrefix} {
			if id, ok := parsePrefixed(name, prefix); ok {
				meanings++
				require.Equal(t, name, prefix+id.String())
			}
		}
		require.LessOrEqual(t, meanings, 1)
		require.Equal(t, meanings == 1, generationIn(name) > 0)
		if checkFileName(name) == nil {
			require.NotContains(t, name, "/")
			require.Equal(t, strings.ToLower(name), name)
			require.LessOrEqual(t, len(name), maxFileName)
		}
	})
}

// FuzzBeside reads pins, recorded metrics and the introductions of writers as anything: none keeps a
// run from being opened, and a pin counts whatever is in it.
func FuzzBeside(f *testing.F) {
	f.Add([]byte("best\nlast\n"))
	f.Add([]byte(`{"loss": 1, "acc": "NaN"}`))
	f.Add([]byte(`{"pid": 1, "host": "h", "since": "2026-01-01T00:00:00Z", "run": "x"}`))
	f.Add([]byte(`{"pid": -1, "run": "` + strings.Repeat("x", 5000) + `"}`))
	f.Add([]byte{0xff, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		disk := faulty.NewDisk()
		s := threeSaved(t, "/run", &Options{FS: disk.Process()})
		require.NoError(t, s.Close())
		at := "/run/" + first.String() + "/"
		disk.WriteFile(at+pinName, b)
		disk.WriteFile(at+recordedName, b)
		disk.WriteFile("/run/"+lockName, b)
		disk.WriteFile("/run/"+claimName(7), b)
		var err error
		requireInProportion(t, 4*len(b), func() { s, err = Open("/run", &Options{FS: disk.Process()}) })
		require.NoError(t, err)
		require.EqualValues(t, 8, s.Generation())
		e, err := s.Entry(first)
		require.NoError(t, err)
		require.True(t, e.Pinned)
		if !json.Valid(b) {
			require.Error(t, e.RecordedErr)
		}
		_, err = s.Prune(t.Context(), []ID{first}, []ID{second})
		require.Error(t, err)
		require.NoError(t, s.Close())
	})
}
