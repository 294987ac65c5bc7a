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

// eachScript cuts in each script, and counts.
func eachScript(t *testing.T, run func(t *testing.T, s *script) (Report, error)) {
	states := 0
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			report, err := run(t, &s)
			require.NoError(t, err)
			require.NotZero(t, report.States)
			t.Logf("%d states of the disk at %d moments", report.States, report.Moments)
			states += report.States
		})
	}
	t.Logf("%d states in all", states)
}

// TestPowerCuts cuts the power at every call.
func TestPowerCuts(t *testing.T) {
	eachScript(t, func(t *testing.T, s *script) (Report, error) {
		return cut(t.Context(), s, Cutting{Max: by(2, 4, 300), Every: by(2, 1, 1)})
	})
}

// TestTornBlocks has each block that was not synced come out of it in another way.
func TestTornBlocks(t *testing.T) {
	eachScript(t, func(t *testing.T, s *script) (Report, error) {
		return cut(t.Context(), s, Cutting{Max: 1, Torn: by(2, 10, 40), Every: by(20, 5, 1)})
	})
}

// TestPowerCutsInRecovery cuts the power once more while a new process makes order.
func TestPowerCutsInRecovery(t *testing.T) {
	eachScript(t, func(t *testing.T, s *script) (Report, error) {
		return cutTwice(t.Context(), s, Cutting{Max: 1, Every: by(400, 97, 7), From: 5}, Cutting{Max: by(1, 2, 2), Every: by(5, 1, 1)})
	})
}
