package cli

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/runs/prove"
)

// TestLossesAreNamed: each with its trial, and where to look; the last line counts them.
func TestLossesAreNamed(t *testing.T) {
	r := &prove.Report{
		Dir: "/data/kibisis-prove-1", Seed: 7, Seconds: 59.6,
		Trials: []prove.Trial{
			{Name: "killed at a call", Tried: 1200, Unit: "kills", Notes: []string{"100 of 900 calls", "twice"}},
			{Name: "power cut, replayed", Tried: 34, Unit: "states", Lost: []string{"I4: step-1 is lost", "I2: \x1b[31m"}},
		},
		Facts:    []prove.Fact{{Name: "locks", Value: "no"}},
		Untested: []string{"the weather"},
	}
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	require.NoError(t, printProof(t.Context(), w, r, false))
	require.NoError(t, w.Flush())
	require.Equal(t, `trial                tried          lost  notes
killed at a call     1,200  kills      0  100 of 900 calls; twice
power cut, replayed     34  states     2

lost: power cut, replayed: I4: step-1 is lost

lost: power cut, replayed: I2: \x1b[31m

file system
locks        no

not tried:
  the weather

seed 7, 60 seconds; what is left is in /data/kibisis-prove-1
lost: 2 of 1,234 trials
`, out.String())
}
