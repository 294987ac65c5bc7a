package pebbleproof

// These tests leave one sync out, and want that to be seen.

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/crashproof"
)

// told are stories with each kind of sync. In others a second process syncs what is durable already.
var told = []string{"first run, parents new", "saves with retention", "pins and records"}

// TestALostSyncIsSeen: each sync of a story that is left out, of a file or of a directory, breaks a promise
// on some clone. Three kinds break none: of the parents of a run's directory that is there already; of a
// claim, which is made before there is anything to lose; of a checkpoint that is about to be deleted, which
// is there for a pin whose own sync has failed.
func TestALostSyncIsSeen(t *testing.T) {
	all := 0
	for _, s := range crashproof.Stories() {
		if !slices.Contains(told, s.Name) {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			seen := 0
			for i := 0; ; i++ {
				l := loser{target: i}
				_, err := tell(t.Context(), &s, &cutter{crashes: []crash{{0, 1}}, check: holds}, l.lose)
				if l.lost == "" {
					require.NoError(t, err)
					break
				}
				if l.ofClaim || l.ofDoomed || l.ofParent && s.Name != told[0] {
					continue
				}
				require.Error(t, err, "without %s", l.lost)
				require.Regexp(t, `: I[1-8]: `, err.Error(), "without %s", l.lost)
				seen++
			}
			require.Greater(t, seen, 10)
			all += seen
		})
	}
	t.Logf("each of %d syncs that were left out is seen", all)
}

// A loser leaves out one sync.
type loser struct {
	target   int    // its number
	calls    int    // syncs so far
	last     string // the name in the last one
	lost     string // the one that was left out, "" for none yet
	ofClaim  bool   // it was of a claim, or of the directory right after it
	ofParent bool   // it was of a directory above the run's
	ofDoomed bool   // it was of a checkpoint that was moved away next
}

func (l *loser) lose(op, name string) bool {
	if op == "renamenew" && l.lost == "syncdir "+name {
		l.ofDoomed = true
	}
	if op != "sync" && op != "syncdir" {
		return false
	}
	claim := isClaim(name) || op == "syncdir" && isClaim(l.last)
	l.last = name
	if l.calls++; l.calls-1 != l.target {
		return false
	}
	l.lost, l.ofClaim, l.ofParent = op+" "+name, claim, strings.HasPrefix("/runs/digits", name)
	return true
}

func isClaim(name string) bool { return strings.HasPrefix(path.Base(name), "writer-") }
