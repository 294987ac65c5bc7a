package store

// These tests are about reading back from the medium before anything is deleted.

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
)

// twoLarge has two checkpoints with a file of size bytes, and returns how often a file was opened
// directly for reading.
func twoLarge(t *testing.T, disk *faulty.Disk, fsx fsys.FS, size int) (s *Store, ids []ID) {
	t.Helper()
	s, err := Open("/run", &Options{FS: fsx})
	require.NoError(t, err)
	_, err = s.GoOn(t.Context(), nil)
	require.NoError(t, err)
	for step := range int64(2) {
		p, err := s.Begin(step, map[string]int64{"model.safetensors": int64(size)}, 0)
		require.NoError(t, err)
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(i*7 + int(step))
		}
		require.NoError(t, p.Write(t.Context(), "model.safetensors", Data{Bytes: b}))
		e, err := p.Commit(t.Context(), &Manifest{Kind: "periodic"})
		require.NoError(t, err)
		ids = append(ids, e.ID)
	}
	return s, ids
}

// TestReadBackDirectly: what is large is read past the page cache, to its last byte, and what is wrong there
// keeps everything from being deleted.
func TestReadBackDirectly(t *testing.T) {
	for _, size := range []int{directFrom, directFrom + 1, backPiece, backPiece + 4097, 3*backPiece - 1} {
		disk := faulty.NewDisk()
		var direct atomic.Int64
		count := func(op, _ string) error {
			if op == "opendirect" {
				direct.Add(1)
			}
			return nil
		}
		s, ids := twoLarge(t, disk, watched.FS(disk.Process(), count), size)
		before := direct.Load()
		deleted, err := s.Prune(t.Context(), ids[:1], ids[1:])
		require.NoError(t, err)
		require.Equal(t, ids[:1], deleted)
		require.Equal(t, before+1, direct.Load(), "%d bytes", size)
		require.NoError(t, s.Close())
	}
}

func TestReadBackFindsDamage(t *testing.T) {
	const size = 2*backPiece + 5
	for _, at := range []int{0, backPiece, size - 1} {
		disk := faulty.NewDisk()
		s, ids := twoLarge(t, disk, disk.Process(), size)
		path := "/run/" + ids[1].String() + "/model.safetensors"
		b, err := disk.ReadFile(path)
		require.NoError(t, err)
		b[at] ^= 1
		disk.WriteFile(path, b)
		_, err = s.Prune(t.Context(), ids[:1], ids[1:])
		require.ErrorIs(t, err, ErrDamaged)
		require.ErrorContains(t, err, "nothing is deleted")
		disk.WriteFile(path, b[:at])
		_, err = s.Prune(t.Context(), ids[:1], ids[1:])
		require.ErrorIs(t, err, ErrDamaged)
		b[at] ^= 1
		disk.WriteFile(path, b)
		deleted, err := s.Prune(t.Context(), ids[:1], ids[1:])
		require.NoError(t, err)
		require.Equal(t, ids[:1], deleted)
		require.NoError(t, s.Close())
	}
}

// TestReadBackIsEnded by its context.
func TestReadBackIsEnded(t *testing.T) {
	disk := faulty.NewDisk()
	s, ids := twoLarge(t, disk, disk.Process(), backPiece)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Prune(ctx, ids[:1], ids[1:])
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Close())
}
