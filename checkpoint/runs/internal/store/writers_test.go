package store

// These tests have several writers and readers at one run, as goroutines and as processes. With locks
// the writers take turns; without, the claim is all there is.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
)

// takeTurn waits for the run, goes on from its head, and saves three times. Of all checkpoints it
// keeps two. It tells of each commit.
func takeTurn(ctx context.Context, path string, o *Options, tell func(ID)) error {
	s, err := openSoon(ctx, path, o)
	if err != nil {
		return err
	}
	head, err := goOn(ctx, s)
	if err != nil {
		return err
	}
	step := int64(0)
	if head != nil {
		step = head.Step
	}
	for range 3 {
		step++
		e, err := save(ctx, s, step)
		if err != nil {
			return err
		}
		tell(e.ID)
		if err := keepTwo(ctx, s); err != nil {
			return err
		}
	}
	return s.Close()
}

// openSoon opens a run when it is free.
func openSoon(ctx context.Context, path string, o *Options) (*Store, error) {
	for {
		s, err := Open(path, o)
		if !errors.Is(err, ErrLocked) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// goOn goes on from the head.
func goOn(ctx context.Context, s *Store) (*Entry, error) {
	entries, err := s.List()
	if err != nil {
		return nil, err
	}
	head, _ := Head(entries)
	return s.GoOn(ctx, head)
}

func keepTwo(ctx context.Context, s *Store) error {
	entries, err := s.List()
	if err != nil || len(entries) < 3 {
		return err
	}
	var ids []ID
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	_, err = s.Prune(ctx, ids[:len(ids)-2], ids[len(ids)-2:])
	if errors.Is(err, ErrInUse) {
		return nil
	}
	return err
}

func takeATurn(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return takeTurn(ctx, path, nil, func(id ID) { fmt.Println(id) })
}

// poll reads all that there is, again and again, until done.
func poll(ctx context.Context, path string, o *Options, done <-chan struct{}) (reads int, err error) {
	for {
		select {
		case <-done:
			return reads, nil
		default:
		}
		r, err := OpenReadOnly(path, o)
		if err != nil {
			if isMissing(err) {
				continue // there is no run yet
			}
			return reads, err
		}
		n, err := readAllOnce(ctx, r)
		reads += n
		if err = errors.Join(err, r.Close()); err != nil {
			return reads, err
		}
	}
}

// readAllOnce reads every checkpoint that is listed. One may be deleted before it is opened.
func readAllOnce(ctx context.Context, r *Store) (reads int, err error) {
	entries, err := r.List()
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if e.Err != nil {
			return reads, e.Err
		}
		err := checkWhole(ctx, r, e.ID)
		switch {
		case err == nil:
			reads++
		case !errors.Is(err, ErrNotFound):
			return reads, err
		}
	}
	return reads, nil
}

// requireOneLine requires that what was acknowledged, in this order per writer, is one history.
func requireOneLine(t *testing.T, path string, o *Options, acknowledged ...[]ID) {
	t.Helper()
	r, err := OpenReadOnly(path, o)
	require.NoError(t, err)
	entries, err := r.List()
	require.NoError(t, err)
	head, _ := Head(entries)
	seen := map[ID]bool{}
	for _, ids := range acknowledged {
		require.True(t, slices.IsSortedFunc(ids, ID.Compare), "%v", ids)
		for _, id := range ids {
			require.False(t, seen[id], "%s was acknowledged twice", id)
			seen[id] = true
			require.True(t, head.Manifest.OnLineage(id), "%s was acknowledged, and is not on the lineage of %s: %v", id, head.ID, head.Manifest.Lineage)
		}
	}
	for _, e := range entries {
		require.NoError(t, checkWhole(t.Context(), r, e.ID))
	}
	require.NoError(t, r.Close())
}

// TestWritersTakeTurns: what two to four writers acknowledge is one history, and readers see
// whole checkpoints only.
func TestWritersTakeTurns(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	reads := 0
	for round := range 50 {
		path, o := filepath.Join(t.TempDir(), "run"), &Options{FS: watched.FS(fsys.OS, noSync)}
		if round%2 == 1 {
			path, o = "/run", &Options{FS: faulty.NewDisk().Process()}
		}
		reads += takeTurns(t, path, o, 2+rng.IntN(3))
	}
	t.Logf("%d checkpoints were read meanwhile", reads)
	require.NotZero(t, reads)
}

// takeTurns is one round of it.
func takeTurns(t *testing.T, path string, o *Options, writers int) (reads int) {
	acknowledged := make([][]ID, writers)
	failed := make(chan error, writers+1)
	done := make(chan struct{})
	var wg, reader sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			failed <- takeTurn(t.Context(), path, o, func(id ID) { acknowledged[i] = append(acknowledged[i], id) })
		})
	}
	reader.Go(func() {
		var err error
		reads, err = poll(t.Context(), path, o, done)
		failed <- err
	})
	wg.Wait()
	close(done)
	reader.Wait()
	for range writers + 1 {
		require.NoError(t, <-failed)
	}
	requireOneLine(t, path, o, acknowledged...)
	return reads
}

// TestProcessesTakeTurns is the same with processes.
func TestProcessesTakeTurns(t *testing.T) {
	for range 4 {
		path := filepath.Join(t.TempDir(), "run")
		done, polled := make(chan struct{}), make(chan error)
		go func() {
			_, err := poll(t.Context(), path, nil, done)
			polled <- err
		}()
		children := []*child{}
		for range 3 {
			children = append(children, startChild(t, "take turns", path))
		}
		acknowledged := [][]ID{}
		for _, c := range children {
			lines, err := c.lines()
			require.NoError(t, err, "it said %q", lines)
			require.Len(t, lines, 3)
			ids := []ID{}
			for _, line := range lines {
				id, ok := ParseID(line)
				require.True(t, ok, line)
				ids = append(ids, id)
			}
			acknowledged = append(acknowledged, ids)
		}
		close(done)
		require.NoError(t, <-polled)
		requireOneLine(t, path, nil, acknowledged...)
	}
}

// A takeover is two writers on a disk without locks, of which the second comes at any call of the first.
type takeover struct {
	disk          *faulty.Disk
	first, second *Store
	byFirst       []ID // what it was told is saved
	bySecond      []ID
	seen          []ID // by the second, when it came
}

// ofFirst is the life of the first writer.
func (o *takeover) ofFirst(ctx context.Context, p fsys.FS) (err error) {
	if o.first, err = Open("/run", &Options{FS: p, AllowUnlocked: true}); err != nil {
		return err
	}
	head, err := goOn(ctx, o.first)
	if err != nil {
		return err
	}
	step := int64(0)
	if head != nil {
		step = head.Step
	}
	for range 3 {
		step += 100
		e, err := save(ctx, o.first, step)
		if err != nil {
			return err
		}
		o.byFirst = append(o.byFirst, e.ID)
	}
	all := o.byFirst
	if _, err := o.first.Prune(ctx, all[:1], all[1:]); err != nil {
		return err
	}
	entry, err := o.first.Entry(all[len(all)-2])
	if err != nil {
		return err
	}
	if err := checkVerified(ctx, o.first, entry.ID); err != nil {
		return err
	}
	// From now on what it goes back behind may be abandoned, whether it is told so or not.
	o.byFirst = slices.DeleteFunc(o.byFirst, func(id ID) bool { return id == all[len(all)-1] })
	if head, err = o.first.Rewind(ctx, &entry); err == nil {
		o.byFirst = append(o.byFirst, head.ID)
	}
	return err
}

func checkVerified(ctx context.Context, s *Store, id ID) error {
	c, err := s.Checkpoint(id)
	if err != nil {
		return err
	}
	return errors.Join(c.Verify(ctx), c.Close())
}

// ofSecond takes over and saves.
func (o *takeover) ofSecond(ctx context.Context) (err error) {
	if o.second, err = Open("/run", &Options{FS: o.disk.Process(), AllowUnlocked: true}); err != nil {
		return err
	}
	if _, err := goOn(ctx, o.second); err != nil {
		return err
	}
	entries, err := o.second.List()
	if err != nil {
		return err
	}
	for _, e := range entries {
		o.seen = append(o.seen, e.ID)
	}
	e, err := save(ctx, o.second, 1000)
	if err == nil {
		o.bySecond = append(o.bySecond, e.ID)
		o.seen = append(o.seen, e.ID)
	}
	return err
}

// TestTakeoverAtEveryCall: wherever the first writer was paused, what both acknowledge is one
// history, one of them is stopped with ErrFenced, and nothing that the other one saw is changed.
func TestTakeoverAtEveryCall(t *testing.T) {
	ctx, fenced, k := t.Context(), 0, 0
	for ; ; k++ {
		o := &takeover{disk: faulty.NewDisk()}
		o.disk.Lacks("lock", "lockshared")
		var second error
		came := false
		first := o.ofFirst(ctx, watched.FS(o.disk.Process(), callAt(int64(k), func() { came, second = true, o.ofSecond(ctx) })))
		if !came {
			require.NoError(t, first)
			break
		}
		require.NoError(t, second, "call %d", k)
		if errors.Is(first, ErrFenced) {
			fenced++
		} else {
			require.NoError(t, first, "call %d", k)
		}
		requireOneLine(t, "/run", &Options{FS: o.disk.Process()}, o.byFirst, o.bySecond)
		if first != nil {
			o.requireUntouched(t, k)
		}
		o.requireOneAlive(t, k)
	}
	t.Logf("the second writer came at each of %d calls, and stopped the first one %d times", k, fenced)
	require.Greater(t, fenced, 100)
}

// requireUntouched looks for all that the second writer saw.
func (o *takeover) requireUntouched(t *testing.T, k int) {
	t.Helper()
	names := o.disk.Names("/run")
	for _, id := range o.seen {
		require.Contains(t, names, id.String(), "call %d", k)
	}
}

// requireOneAlive tries to save with both.
func (o *takeover) requireOneAlive(t *testing.T, k int) {
	t.Helper()
	if o.first == nil {
		return // it did not come to be
	}
	_, first := save(t.Context(), o.first, 5000)
	_, second := save(t.Context(), o.second, 5000)
	if first == nil {
		first, second = second, first
	}
	require.ErrorIs(t, first, ErrFenced, "call %d", k)
	require.NoError(t, second, "call %d", k)
}
