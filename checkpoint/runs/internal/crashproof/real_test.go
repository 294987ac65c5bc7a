package crashproof

// These tests try the disk that tests run on.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childArgs names the variable that turns the test binary into a process of a trial.
const childArgs = "KIBISIS_CRASHPROOF_TEST_CHILD"

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(childArgs); ok {
		if err := Child(context.Background(), strings.Split(args, "\n"), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func place(t *testing.T) *Place {
	return &Place{Dir: t.TempDir(), Seed: 1, Child: func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), childArgs+"="+strings.Join(args, "\n"))
		return cmd
	}}
}

// TestTrials: nothing is lost on a real disk, and nothing is left on it.
func TestTrials(t *testing.T) {
	p := place(t)
	for _, trial := range Trials() {
		if trial.NeedsSmall {
			continue
		}
		t.Run(trial.Name, func(t *testing.T) {
			began := time.Now()
			o, err := trial.Run(t.Context(), p, began.Add(time.Second))
			require.NoError(t, err)
			require.Empty(t, o.Lost)
			require.Positive(t, o.Tried)
			left, err := os.ReadDir(p.Dir)
			require.NoError(t, err)
			require.Empty(t, left)
			t.Logf("%d %s in %v; %q", o.Tried, trial.Unit, time.Since(began), o.Notes)
		})
	}
}

// TestALostSyncIsFound: where files are not synced, the replayed log loses what was acknowledged.
func TestALostSyncIsFound(t *testing.T) {
	p := place(t)
	p.LoseSyncs = true
	var o Outcome
	require.NoError(t, replay(t.Context(), p, time.Now().Add(time.Second), &o))
	require.NotEmpty(t, o.Lost)
	t.Log(o.Lost[0])
}
