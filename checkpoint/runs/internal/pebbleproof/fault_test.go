package pebbleproof

// These tests have one call of a story fail, as Pebble's tests do it.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/crashproof"
)

// TestACallFails: what is said then is true, at once and after a crash.
func TestACallFails(t *testing.T) {
	all := 0
	for _, s := range crashproof.Stories() {
		t.Run(s.Name, func(t *testing.T) {
			every := 7
			if s.Heavy {
				every *= 5
			}
			failed := 0
			for i := 0; ; i += every {
				hit, err := failAt(t.Context(), &s, i)
				require.NoError(t, err)
				if !hit {
					break
				}
				failed++
			}
			require.Positive(t, failed)
			all += failed
		})
	}
	t.Logf("%d stories in which a call fails", all)
}

// failAt tells a story in which call i of those that reach Pebble's file system fails. It reports whether there
// were so many.
func failAt(ctx context.Context, s *crashproof.Story, i int) (bool, error) {
	fault := errorfs.OnIndex(int32(i))
	hit := func() bool { return fault.Load() < 0 }
	d := newDisk(s.Stage)
	p := d.process(func(fs vfs.FS) vfs.FS { return errorfs.Wrap(fs, fault) })
	told := s.On(ctx, &crashproof.Medium{FS: p, Load: d.load, Rot: d.rot})
	if err := told.Stumble(hit); err != nil {
		return hit(), fmt.Errorf("call %d of %q fails: %w", i, s.Name, err)
	}
	if d.open != 0 {
		return hit(), fmt.Errorf("call %d of %q fails, and %d files are open", i, s.Name, d.open)
	}
	rng := rand.New(rand.NewPCG(uint64(i), 7))
	for _, percent := range []int{0, 50} {
		after, _ := d.crash(percent, rng)
		if err := told.Promised().Check(ctx, after.load()); err != nil {
			return hit(), fmt.Errorf("call %d of %q fails, and a crash: %w\n%s", i, s.Name, err, after.mem)
		}
	}
	if err := told.Promised().Check(ctx, d.load()); err != nil {
		return hit(), fmt.Errorf("after call %d of %q failed: %w\n%s", i, s.Name, err, d.mem)
	}
	return hit(), nil
}
