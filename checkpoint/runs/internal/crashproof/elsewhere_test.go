package crashproof

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestToldElsewhere tells each story to our own disk as if it were of another model.
func TestToldElsewhere(t *testing.T) {
	for _, s := range Stories() {
		t.Run(s.Name, func(t *testing.T) {
			disk := s.Stage
			m := &Medium{FS: disk.Process(), Load: func() *faulty.Disk { return disk }, Rot: disk.WriteFile}
			told := s.On(t.Context(), m)
			require.NoError(t, told.Play())
			again, err := told.Promised().Recovery(t.Context(), m, disk)
			require.NoError(t, err)
			require.NoError(t, again.Play())
			require.Greater(t, again.Promised().Position(), told.Promised().Position())
			require.NoError(t, again.Promised().Check(t.Context(), disk))
			require.Error(t, told.Promised().Check(t.Context(), s.script.empty()), "what was promised is not on another disk")
		})
	}
}

// empty is a disk before the story.
func (s *script) empty() *faulty.Disk {
	disk, _ := s.stage()
	return disk
}
