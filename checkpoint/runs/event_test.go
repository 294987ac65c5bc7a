package runs

import (
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// everyEvent is one of each type, with the line that people see.
func everyEvent() map[string]Event {
	restored := &Restored{
		Step: 400, From: "step-000000000400-g000002", LostSteps: 7,
		Skipped: []Skipped{{ID: "step-000000000407-g000002", Reason: "CRC"}},
		Changed: []Change{{What: "lr", Was: "1", Is: "2"}, {What: "code revision", Was: "a", Is: "b"}},
	}
	deadline := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return map[string]Event{
		"saving step 400 (periodic): every 100 steps":                    Due{Step: 400, Kind: "periodic", Reason: "every 100 steps"},
		"the save of step 400 waits for the one before: every 100 steps": Waiting{Step: 400, Reason: "every 100 steps"},
		"copied step 400: 12 MiB in 3ms, into 16 MiB of memory":          Snapshot{Step: 400, Bytes: 12 << 20, Memory: 16 << 20, Blocked: 3 * time.Millisecond},
		"saved step 400 (12 MiB, copied in 3.01ms, durable after 41.2ms)": Committed{
			ID: "step-000000000400-g000002", Step: 400, Kind: "best", Bytes: 12 << 20,
			Copy: 3_012_345, Lag: 41_234_567,
		},
		"saved step 400 (12 MiB, 3.0 MiB of them linked, copied in 0s, durable after 2m0s)": Committed{
			Step: 400, Bytes: 12 << 20, Linked: 3 << 20, Lag: 120 * time.Second,
		},
		"the save of step 400 failed: full; and more":                                                      Failed{Step: 400, Kind: "periodic", Err: errors.New("full\nand more"), InARow: 1},
		"the save of step 400 failed, the 3rd in a row: full":                                              Failed{Step: 400, Err: errors.New("full"), InARow: 3},
		"step 400 is not saved, its state is not finite: a; b":                                             NotFinite{Step: 400, Tensors: []string{"a", "b"}},
		"deleted x, y, 1.0 KiB are free":                                                                   Pruned{Deleted: []string{"x", "y"}, Freed: 1 << 10},
		"x is damaged: CRC; it is now y":                                                                   Damaged{ID: "x", Reason: "CRC", Renamed: "y"},
		"x is damaged: CRC":                                                                                Damaged{ID: "x", Reason: "CRC"},
		"nothing to resume, step 0":                                                                        Resumed{&Restored{}},
		"resumed step 400 from step-000000000400-g000002, 7 steps lost, 1 skipped, 2 changed":              Resumed{restored},
		"rolled back: resumed step 400 from step-000000000400-g000002, 7 steps lost, 1 skipped, 2 changed": RolledBack{restored},
		`stopping on "interrupt", before 03:04:05: save, for a save takes 1s`:                              Stopping{Signal: os.Interrupt, Deadline: deadline, Choice: "save", Reason: "a save takes 1s"},
		"look; here": Warning{Text: "look\nhere"},
	}
}

func TestEventsReadAsOneLine(t *testing.T) {
	for want, e := range everyEvent() {
		require.Equal(t, want, e.String())
	}
}

// TestTheLoopDoesNotWaitForWhatIsTold: a save's observer may be slow, and what it is told has an order.
func TestTheLoopDoesNotWaitForWhatIsTold(t *testing.T) {
	l, returned := newLoop(t, tensor.Float32, 1, adam()), make(chan struct{})
	var told []string
	r, err := Open(t.TempDir(), &Options{EverySteps: 1, Log: slog.New(slog.DiscardHandler), Observer: func(e Event) {
		switch e.(type) {
		case Due:
			<-returned
			told = append(told, "due")
		case Snapshot:
			told = append(told, "snapshot")
		case Committed:
			told = append(told, "committed")
		}
	}})
	require.NoError(t, err)
	_, err = r.Restore(t.Context(), l.parts()...)
	require.NoError(t, err)
	l.step()
	require.NoError(t, r.SaveIfDue(t.Context(), 1, nil))
	close(returned)
	require.NoError(t, r.Finish(t.Context()))
	require.Equal(t, []string{"due", "snapshot", "committed"}, told)
}
