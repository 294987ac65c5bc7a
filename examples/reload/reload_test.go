package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/digits"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/stretchr/testify/require"
)

// TestMain makes this test program the training that the server starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "train" {
		main()
	}
	os.Exit(m.Run())
}

func TestNoRequestIsDropped(t *testing.T) {
	slow(t)
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-dir", t.TempDir(), "-steps", "300"}, &stdout, &stderr), "%s%s", &stdout, &stderr)
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	require.Regexp(t, `^http://127\.0\.0\.1:\d+/status`, lines[0])
	require.Regexp(t, `^reloads: [1-9]\d*, requests: [1-9]\d*, failed: 0$`, lines[len(lines)-1])
	require.Empty(t, stderr.String())
}

// A writer saves networks that see the digit of their step in everything.
type writer struct {
	t   *testing.T
	dir string
	run *runs.Run
	net *digits.Predictor
}

func newWriter(t *testing.T) *writer {
	w := &writer{t: t, dir: t.TempDir(), net: digits.NewPredictor(1, digits.Zeros)}
	var err error
	w.run, err = runs.Open(w.dir, &runs.Options{KeepBest: best})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.run.Close()) })
	_, err = w.run.Restore(t.Context(), runs.Weights(w.net.Model()))
	require.NoError(t, err)
	return w
}

// save makes a new best.
func (w *writer) save(step int) {
	bias := w.net.Weights[3].Value().Data().([]float32)
	clear(bias)
	bias[step%mnist.Classes] = 1
	require.NoError(w.t, w.run.Save(w.t.Context(), int64(step), runs.Metrics{"val_loss": 1 / float64(step)}))
}

func (w *writer) follower(stderr io.Writer) (*follower, *runs.Run) {
	f := &follower{dir: w.dir, model: newModel(), tally: newTally(), stdout: io.Discard, stderr: stderr}
	run, err := f.open(w.t.Context(), nil)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, run.Close()) })
	return f, run
}

func TestEachAnswerIsOfOneCheckpoint(t *testing.T) {
	w := newWriter(t)
	f, run := w.follower(io.Discard)
	require.NoError(t, f.look(t.Context(), run), "there is none yet")
	w.save(1)
	require.NoError(t, f.look(t.Context(), run))

	asking, enough := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for asking.Err() == nil {
				digit, from, err := f.model.predict(make([]float32, mnist.Pixels))
				if err != nil || int64(digit) != from.Step%mnist.Classes {
					t.Errorf("digit %d from %s: %v", digit, from, err)
				}
			}
		})
	}
	for step := 2; step <= 12; step++ {
		w.save(step)
		require.NoError(t, f.look(t.Context(), run))
		digit, from, err := f.model.predict(make([]float32, mnist.Pixels))
		require.NoError(t, err)
		require.EqualValues(t, step, from.Step)
		require.EqualValues(t, step%mnist.Classes, digit)
	}
	enough()
	clients.Wait()
}

func TestADamagedBestIsNotServed(t *testing.T) {
	var stderr bytes.Buffer
	w := newWriter(t)
	f, run := w.follower(&stderr)
	w.save(1)
	require.NoError(t, f.look(t.Context(), run))
	w.save(2)
	file := filepath.Join(w.dir, "step-000000000002-g000001", "model.safetensors")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	b[len(b)-1] ^= 1
	require.NoError(t, os.WriteFile(file, b, 0o600))
	for range 2 {
		require.NoError(t, f.look(t.Context(), run))
		digit, _, err := f.model.predict(make([]float32, mnist.Pixels))
		require.NoError(t, err)
		require.EqualValues(t, 1, digit)
	}
	require.Equal(t, 1, strings.Count(stderr.String(), "not served"))
	w.save(3)
	require.NoError(t, f.look(t.Context(), run))
	require.Equal(t, "step-000000000003-g000001", f.seen)
}

func TestPages(t *testing.T) {
	w := newWriter(t)
	f, run := w.follower(io.Discard)
	h := handler(f.model, f.tally)
	post := func(body int) *httptest.ResponseRecorder {
		r := httptest.NewRecorder()
		h.ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/predict", bytes.NewReader(make([]byte, body))))
		return r
	}
	require.Equal(t, http.StatusServiceUnavailable, post(mnist.Pixels).Code)
	w.save(4)
	require.NoError(t, f.look(t.Context(), run))
	for _, size := range []int{0, mnist.Pixels - 1, mnist.Pixels + 1, 1 << 20} {
		require.Equal(t, http.StatusBadRequest, post(size).Code)
	}
	r := post(mnist.Pixels)
	require.Equal(t, http.StatusOK, r.Code)
	require.JSONEq(t, `{"digit": 4, "checkpoint": "step-000000000004-g000001"}`, r.Body.String())

	r = httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/status", nil))
	var page struct{ Served []serving }
	require.NoError(t, json.Unmarshal(r.Body.Bytes(), &page))
	require.Len(t, page.Served, 1)
	require.EqualValues(t, 4, page.Served[0].Step)
}

func TestWhatEndsBadlyIsAnError(t *testing.T) {
	tally := newTally()
	require.ErrorContains(t, tally.print(io.Discard), "fewer than two")
	tally.replaced(&runs.Restored{From: "a"})
	tally.replaced(&runs.Restored{From: "b"})
	require.NoError(t, tally.print(io.Discard))
	tally.answered(answer{}, io.ErrUnexpectedEOF, false)
	require.ErrorIs(t, tally.print(io.Discard), io.ErrUnexpectedEOF)
}

func TestFlags(t *testing.T) {
	for _, row := range []struct{ args, want string }{
		{"-steps 10", "-steps is 10"},
		{"-addr", "-addr"},
		{"more", `"more"`},
	} {
		_, err := parse(strings.Fields(row.args), io.Discard)
		require.ErrorContains(t, err, row.want)
	}
	err := run(t.Context(), []string{"-data", filepath.Join(t.TempDir(), "none")}, io.Discard, io.Discard)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, 1, report(io.Discard, err))
}

// slow skips a test where there is no time for it: with the race detector arithmetic is ten times slower.
func slow(t *testing.T) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	race := ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	if race || testing.Short() {
		t.Skip("learns MNIST")
	}
}
