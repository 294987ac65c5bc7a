package provenance

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// A record is what a file holds of all this.
type record struct {
	Provenance Provenance
	Config     Config
}

// FuzzRecord reads what a hostile file may hold, and compares it with what is.
func FuzzRecord(f *testing.F) {
	seed, err := json.Marshal(record{Provenance: Collect([]string{"x", "-lr", "1"})})
	require.NoError(f, err)
	f.Add(seed)
	for _, text := range []string{
		`{"Config":{"a":[1,2,{"b":"NaN"}],"":1e999999999999}}`,
		`{"Provenance":{"args":["-","--","-a=","=b"],"modules":{"":""},"code":{"revision":"üüüüüüüü"}}}`,
		`{"Config":[[[[[[]]]]]]}`,
	} {
		f.Add([]byte(text))
	}
	is := record{Collect(nil), config(f, map[string]int{"a": 1})}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var was record
		err := json.Unmarshal(data, &was)
		runtime.ReadMemStats(&after)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20+512*len(data)))
		if err != nil {
			return
		}
		for _, c := range append(Diff(was.Provenance, is.Provenance), DiffConfig(was.Config, is.Config)...) {
			require.NotEqual(t, c.Was, c.Is)
			require.Less(t, len(c.String()), 2000)
		}
		require.Nil(t, Diff(was.Provenance, was.Provenance))
		require.Nil(t, DiffConfig(was.Config, was.Config))
		text, err := json.Marshal(was)
		require.NoError(t, err)
		var again record
		require.NoError(t, json.Unmarshal(text, &again))
		require.Nil(t, Diff(was.Provenance, again.Provenance))
		require.Nil(t, DiffConfig(was.Config, again.Config))
	})
}
