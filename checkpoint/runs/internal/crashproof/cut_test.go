package crashproof

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNothingGoesWrong plays each script as it is, and checks what it leaves.
func TestNothingGoesWrong(t *testing.T) {
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			disk, l := s.stage()
			p := newPlayer(t.Context(), disk, disk.Process(), l)
			require.NoError(t, s.play(p))
			require.NoError(t, check(t.Context(), disk, p.ledger.Load()))
		})
	}
}

func TestPowerCuts(t *testing.T) {
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			report, err := cut(t.Context(), &s, Cutting{Max: 20})
			require.NoError(t, err)
			t.Logf("%+v", report)
		})
	}
}
