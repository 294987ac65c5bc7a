package store

// These tests are about what must be known before something goes, or is used once more.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
)

// TestAPinAtEveryCallOfADeletion: whichever call of a deletion a pin comes before, it holds or is
// refused.
func TestAPinAtEveryCallOfADeletion(t *testing.T) {
	held, refused := 0, 0
	for k := int64(0); ; k++ {
		disk := faulty.NewDisk()
		s := threeSaved(t, "/run", &Options{FS: disk.Process()})
		other, err := OpenReadOnly("/run", &Options{FS: disk.Process()})
		require.NoError(t, err)
		came := false
		var pinned error
		s.root = watched.Root(s.root, callAt(k, func() { came, pinned = true, other.Pin(ID{1, 100}, "paper") }))
		deleted, err := s.Prune(t.Context(), []ID{{1, 100}}, []ID{{1, 300}})
		if !came {
			require.NoError(t, err)
			break
		}
		if pinned == nil {
			held++
			require.ErrorIs(t, err, ErrPinned, "call %d", k)
			require.Empty(t, deleted, "call %d", k)
			verify(t, s, ID{1, 100})
			e, err := s.Entry(ID{1, 100})
			require.NoError(t, err)
			require.Equal(t, []string{"paper"}, e.Pins)
		} else {
			refused++
			require.ErrorIs(t, pinned, ErrNotFound, "call %d", k)
			require.NoError(t, err, "call %d", k)
		}
		require.NoError(t, other.Close())
		require.NoError(t, s.Close())
	}
	require.NotZero(t, held)
	require.NotZero(t, refused)
}

// TestWhatIsPinnedIsNotTouched: it does not go into the trash and come back, which readers would notice.
func TestWhatIsPinnedIsNotTouched(t *testing.T) {
	p := faulty.NewDisk().Process()
	s := threeSaved(t, "/run", &Options{FS: p})
	require.NoError(t, s.Pin(ID{1, 100}, "paper"))
	renames := callsOf(p, "renamenew")
	_, err := s.Prune(t.Context(), []ID{{1, 100}}, []ID{{1, 300}})
	require.ErrorIs(t, err, ErrPinned)
	require.Equal(t, renames, callsOf(p, "renamenew"))
	require.NoError(t, s.Close())
}

// TestAPinInTheTrash: one that was on its way while the checkpoint got its name in the trash counts.
func TestAPinInTheTrash(t *testing.T) {
	disk := faulty.NewDisk()
	p := disk.Process()
	s := threeSaved(t, "/run", &Options{FS: p})
	p.Before(func(op, name string) {
		if op == "syncdir" && name == "/run" {
			disk.WriteFile("/run/"+trashName(ID{1, 100})+"/"+pinName, []byte("paper\n"))
			p.Before(nil)
		}
	})
	_, err := s.Prune(t.Context(), []ID{{1, 100}}, []ID{{1, 300}})
	require.ErrorIs(t, err, ErrPinned)
	verify(t, s, ID{1, 100})
	require.NoError(t, s.Close())
}

// TestNothingIsDeletedBeforeSomethingIsReadBack: the newest is damaged, and nobody knows it yet.
func TestNothingIsDeletedBeforeSomethingIsReadBack(t *testing.T) {
	disk := faulty.NewDisk()
	o := &Options{FS: disk.Process()}
	require.NoError(t, threeSaved(t, "/run", o).Close())
	disk.Damage("/run/"+ID{1, 300}.String()+"/model.safetensors", func(b []byte) []byte {
		b[0] ^= 1
		return b
	})
	s, err := Open("/run", o)
	require.NoError(t, err)
	deleted, err := s.Prune(t.Context(), []ID{{1, 100}, {1, 200}}, []ID{{1, 300}})
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, "nothing is deleted")
	require.Empty(t, deleted)
	verify(t, s, ID{1, 100})
	deleted, err = s.Prune(t.Context(), []ID{{1, 300}}, []ID{{1, 200}, {1, 100}})
	require.NoError(t, err)
	require.Equal(t, []ID{{1, 300}}, deleted)
	_, err = s.Prune(t.Context(), []ID{{1, 100}}, nil)
	require.Error(t, err, "nothing would be left")
	require.NoError(t, s.Close())
}

// TestWhatIsKeptIsNotDeleted: a caller that contradicts itself keeps all.
func TestWhatIsKeptIsNotDeleted(t *testing.T) {
	s := threeSaved(t, "/run", &Options{FS: faulty.NewDisk().Process()})
	deleted, err := s.Prune(t.Context(), []ID{{1, 100}}, []ID{{1, 100}, {1, 300}})
	require.ErrorContains(t, err, "it is to be kept")
	require.Empty(t, deleted)
	verify(t, s, ID{1, 100})
	require.NoError(t, s.Close())
}

// TestLinksAreOfWhatWasReadBack, and are looked at once more: else one damaged file would become two.
func TestLinksAreOfWhatWasReadBack(t *testing.T) {
	disk := faulty.NewDisk()
	s := threeSaved(t, "/run", &Options{FS: disk.Process()})
	_, err := save(t.Context(), s, 400)
	require.NoError(t, err)
	_, err = linkAll(t, s, 500, ID{1, 400})
	require.ErrorContains(t, err, "was not read back")
	verify(t, s, ID{1, 400})
	disk.Damage("/run/"+ID{1, 400}.String()+"/state.json", func(b []byte) []byte { return b[:len(b)-1] })
	_, err = linkAll(t, s, 500, ID{1, 400})
	require.ErrorContains(t, err, "bytes")
	e, err := linkAll(t, s, 500, ID{1, 300})
	require.NoError(t, err)
	require.Equal(t, ID{1, 500}, e.ID)
	require.NoError(t, s.Close())
}
