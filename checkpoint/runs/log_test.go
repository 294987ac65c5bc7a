package runs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// jsonLog is a log that can be read back.
func jsonLog(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
			return slog.Attr{}
		}
		return a
	}}))
}

func logged(t *testing.T, e Event) map[string]any {
	var b bytes.Buffer
	newWatcher(nil, jsonLog(&b)).tell(e)
	entry := map[string]any{}
	require.NoError(t, json.Unmarshal(b.Bytes(), &entry))
	return entry
}

func TestLogOfACommit(t *testing.T) {
	e := Committed{
		ID: "step-000000000400-g000002", Step: 400, Kind: "best", Bytes: 7, Linked: 3,
		Reserve: 1, Copy: 2, Write: 3, Commit: 4, Prune: 5, Blocked: 6, Lag: 7, Lost: 8,
	}
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "saved", "id": e.ID, "step": 400.0, "kind": "best", "bytes": 7.0, "linked": 3.0,
		"blocked": 6.0, "lag": 7.0, "share": 0.0, "lost": 8.0,
		"took": map[string]any{"reserve": 1.0, "copy": 2.0, "write": 3.0, "commit": 4.0, "prune": 5.0},
	}, logged(t, e))
}

// Whoever looks only at warnings sees what is wrong, and nothing else.
func TestLevelsOfTheLog(t *testing.T) {
	levels := map[string]string{}
	for _, e := range everyEvent() {
		entry := logged(t, e)
		levels[entry["msg"].(string)] = entry["level"].(string)
	}
	require.Equal(t, map[string]string{
		"save due": "DEBUG", "save waits": "DEBUG", "copied": "DEBUG", "deleted": "DEBUG",
		"saved": "INFO", "resumed": "INFO", "begins": "INFO",
		"stopping": "WARN", "rolled back": "WARN", "look\nhere": "WARN",
		"save failed": "ERROR", "state not finite, not saved": "ERROR", "checkpoint damaged": "ERROR",
	}, levels)
}

func TestLogSaysWhatChanged(t *testing.T) {
	entry := logged(t, Resumed{&Restored{Step: 4, From: "x", LostSteps: 2, Skipped: []Skipped{{}}, Changed: []Change{{What: "lr", Was: "1", Is: "2"}}}})
	require.Equal(t, map[string]any{"level": "INFO", "msg": "resumed", "step": 4.0, "from": "x", "skipped": 1.0, "lost_steps": 2.0, "changed": "lr 1 -> 2"}, entry)
	require.Equal(t, "full", logged(t, Failed{Err: errors.New("full")})["error"])
}

func TestObserverSeesWhatIsLoggedInOrder(t *testing.T) {
	var b bytes.Buffer
	var seen []Event
	inside := false
	w := newWatcher(func(e Event) {
		require.False(t, inside, "two at once")
		inside = true
		runtime.Gosched()
		seen, inside = append(seen, e), false
	}, jsonLog(&b))
	var all sync.WaitGroup
	const tellers, each = 4, 50
	for range tellers {
		all.Go(func() {
			for range each {
				w.tell(Snapshot{Step: 1})
				w.warnOnce("the same")
			}
		})
	}
	all.Wait()
	require.Len(t, seen, tellers*each+1, "and one warning")
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, len(seen))
	for i, line := range lines {
		_, warning := seen[i].(Warning)
		require.Equal(t, warning, strings.Contains(line, "the same"))
	}
}

func TestObserverThatPanicsIsLoggedOnce(t *testing.T) {
	var b bytes.Buffer
	calls := 0
	w := newWatcher(func(Event) {
		calls++
		panic("observed too much")
	}, jsonLog(&b))
	for range 3 {
		w.tell(Warning{Text: "x"})
	}
	require.Equal(t, 3, calls)
	require.Equal(t, 1, strings.Count(b.String(), `"panic":"observed too much"`), b.String())
	require.Equal(t, 1, strings.Count(b.String(), "TestObserverThatPanicsIsLoggedOnce.func"), "the stack says where: %s", &b)
	require.Equal(t, 3, strings.Count(b.String(), `"msg":"x"`))
}

// A test that fails in its observer ends the goroutine, which must not be the run's.
func TestObserverThatEndsItsGoroutine(t *testing.T) {
	w := newWatcher(func(Event) { runtime.Goexit() }, slog.New(slog.DiscardHandler))
	for range 2 {
		w.tell(Warning{Text: "x"})
	}
}

type panicking struct{ slog.Handler }

func (panicking) Enabled(context.Context, slog.Level) bool { panic("no log") }

func TestLogThatPanicsBreaksNothing(t *testing.T) {
	var seen []Event
	w := newWatcher(func(e Event) { seen = append(seen, e) }, slog.New(panicking{}))
	w.tell(Due{Step: 1})
	require.Equal(t, []Event{Due{Step: 1}}, seen)
}

func TestShortDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 999: "999ns", 1234: "1.23µs", 41_234_567: "41.2ms", 61*time.Second + 456*time.Millisecond: "1m1.5s", -1234: "-1.23µs",
	} {
		require.Equal(t, want, short(d).String())
	}
}
