package httprange

// This file reads from servers that misbehave at random. The law: what ReadAt
// counts is right, whatever happens.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// mischief are answers that are wrong, late, or of another file. Those that lie
// about the bytes they hold are not among them: nobody could tell.
func mischief() []edit {
	list := make([]edit, 0, len(wrongAnswers)+10)
	for _, row := range wrongAnswers {
		if row.first != nil {
			list = append(list, row.edit)
		}
	}
	other := func(b []byte) []byte { return bytes.Repeat([]byte{'!'}, len(b)) }
	return append(list,
		status(http.StatusServiceUnavailable), status(http.StatusTooManyRequests), status(http.StatusBadGateway),
		status(http.StatusNotModified), status(http.StatusNoContent), status(http.StatusPreconditionFailed),
		part(map[string]string{"ETag": `"two"`}, right, other),
		part(nil, func(b, e, s int) string { return right(b, e, s+1) }, other),
		part(nil, right, func(b []byte) []byte { return b[:len(b)/2] }),
		func(*site, http.ResponseWriter, int, int) { drop() },
		func(s *site, w http.ResponseWriter, begin, end int) {
			part(nil, right, func(b []byte) []byte { return b[:len(b)/3] })(s, w, begin, end)
			flush(w)
			drop()
		},
		func(s *site, w http.ResponseWriter, begin, end int) { // less than asked, and says so
			end = begin + (end-begin+1)/2
			part(nil, right, same)(s, w, begin, end)
		},
		func(_ *site, w http.ResponseWriter, _, _ int) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
	)
}

func TestMisbehavingServersNeverGiveWrongBytes(t *testing.T) {
	list := mischief()
	right, wrong := 0, 0
	for seed := range uint64(60) {
		s := serve(t, noise(400_000))
		var mu sync.Mutex
		rng := rand.New(rand.NewPCG(seed, 0))
		rate := rng.Float64() / 2
		s.instead = func(n int, w http.ResponseWriter, r *http.Request) bool {
			mu.Lock()
			misbehave, which := rng.Float64() < rate, rng.IntN(len(list))
			mu.Unlock()
			var begin, last int
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &begin, &last)
			if misbehave {
				list[which](s, w, begin, min(last+1, len(s.file)))
			}
			return misbehave
		}
		r, err := NewReader(t.Context(), s.URL, eager(nil))
		if err != nil {
			continue
		}
		if r.version.etag != `"one"` || r.Size() != int64(len(s.file)) {
			continue // it has opened the other file
		}
		reads := rand.New(rand.NewPCG(seed, 1))
		for range 20 {
			begin := reads.IntN(len(s.file))
			p := make([]byte, reads.IntN(150_000))
			n, err := r.ReadAt(p, int64(begin))
			require.True(t, bytes.Equal(s.file[begin:][:n], p[:n]), "seed %d: %v", seed, err)
			if err == nil || errors.Is(err, io.EOF) {
				require.Equal(t, min(len(p), len(s.file)-begin), n, "seed %d", seed)
				right++
			} else {
				wrong++
			}
		}
		require.NoError(t, r.Close())
		s.Close()
	}
	require.Greater(t, right, 100)
	require.Greater(t, wrong, 100)
}
