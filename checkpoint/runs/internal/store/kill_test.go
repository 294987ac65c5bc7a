package store

// These tests kill real writers on the real file system: at every call of a script, and at
// random moments of large saves.

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
)

// killAt names the variable with the number of the call at which a child kills itself.
const killAt = "KIBISIS_STORE_TEST_KILL_AT"

// heads are the newest checkpoints of the script, in order.
var heads = []ID{{1, 100}, {1, 200}, {1, 300}, {2, 100}, {2, 150}}

// scriptOfAChild saves, pins, prunes, goes back and saves again. It says what is done before
// it goes on, and what it is about to delete.
func scriptOfAChild(path string) error {
	n, err := strconv.ParseInt(os.Getenv(killAt), 10, 64)
	if err != nil {
		return err
	}
	var calls atomic.Int64
	count := func(string, string) error { calls.Add(1); return nil }
	s, err := Open(path, &Options{FS: watched.FS(fsys.OS, inTurn(callAt(n, killMe), count, noSync))})
	if err != nil {
		return err
	}
	err = script(context.Background(), s)
	if err == nil {
		err = s.Close()
	}
	fmt.Println("calls", calls.Load())
	return err
}

func script(ctx context.Context, s *Store) error {
	if _, err := s.GoOn(ctx, nil); err != nil {
		return err
	}
	for _, step := range []int64{100, 200, 300} {
		if err := saveAndSay(ctx, s, step); err != nil {
			return err
		}
		if step == 100 {
			if err := s.Pin(ID{1, 100}, "first"); err != nil {
				return err
			}
			fmt.Println("pinned")
		}
	}
	fmt.Println("deleting")
	if _, err := s.Prune(ctx, []ID{{1, 200}}, []ID{{1, 100}, {1, 300}}); err != nil {
		return err
	}
	fmt.Println("deleted")
	if err := goBack(ctx, s, ID{1, 100}); err != nil {
		return err
	}
	return saveAndSay(ctx, s, 150)
}

func saveAndSay(ctx context.Context, s *Store, step int64) error {
	e, err := save(ctx, s, step)
	if err == nil {
		fmt.Println("head", e.ID)
	}
	return err
}

func goBack(ctx context.Context, s *Store, id ID) error {
	c, err := s.Checkpoint(id)
	if err != nil {
		return err
	}
	if err := c.Verify(ctx); err != nil {
		return err
	}
	h, err := s.GoOn(ctx, &c.Entry)
	if err != nil {
		return err
	}
	fmt.Println("head", h.ID)
	return c.Close()
}

// TestKilledAtEveryCall: whenever a writer dies, all that it had reported is there, whole, and the
// next writer goes on. Without KIBISIS_KILLS, only some calls are tried.
func TestKilledAtEveryCall(t *testing.T) {
	whole := startChild(t, "script", filepath.Join(t.TempDir(), "runs", "mnist"), killAt+"=-1")
	said, err := whole.lines()
	require.NoError(t, err)
	var calls int
	_, err = fmt.Sscanf(said[len(said)-1], "calls %d", &calls)
	require.NoError(t, err)
	require.Greater(t, calls, 130)
	every := killsApart
	if os.Getenv("KIBISIS_KILLS") != "" {
		every = 1
	}
	for k := 0; k < calls; k += every {
		t.Run(strconv.Itoa(k), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "runs", "mnist")
			said, err := startChild(t, "script", path, fmt.Sprint(killAt, "=", k)).lines()
			require.Error(t, err, "it was killed")
			require.NoError(t, checkAfterDeath(t.Context(), path, said), "after it said %q", said)
		})
	}
}

// checkAfterDeath opens a run whose writer said that, and died.
func checkAfterDeath(ctx context.Context, path string, said []string) error {
	s, err := Open(path, &Options{FS: watched.FS(fsys.OS, noSync)})
	if err != nil {
		return err
	}
	entries, err := s.List()
	if err != nil {
		return err
	}
	if err := checkSaid(entries, said); err != nil {
		return err
	}
	for _, e := range entries {
		if err := checkWhole(ctx, s, e.ID); err != nil {
			return err
		}
	}
	if err := checkNext(ctx, s); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return checkTidy(path)
}

// checkSaid compares what is there with what was reported.
func checkSaid(entries []Entry, said []string) error {
	head, _ := Head(entries)
	reported := 0 // heads
	for _, line := range said {
		if strings.HasPrefix(line, "head ") {
			reported++
		}
	}
	at := -1
	if head != nil {
		at = slices.Index(heads, head.ID)
	}
	if at+1 < reported || at+1 > reported+1 {
		return fmt.Errorf("the head is number %d of the script, %d were reported", at+1, reported)
	}
	for _, id := range heads[:reported] {
		deletable := id == ID{1, 200} && slices.Contains(said, "deleting")
		if !deletable && !slices.ContainsFunc(entries, func(e Entry) bool { return e.ID == id }) {
			return fmt.Errorf("%s is lost", id)
		}
	}
	for _, e := range entries {
		if e.Err != nil {
			return e.Err
		}
		if e.ID == (ID{1, 100}) && slices.Contains(said, "pinned") && !slices.Equal(e.Pins, []string{"first"}) {
			return fmt.Errorf("the pin of %s is lost", e.ID)
		}
		if e.ID == (ID{1, 200}) && slices.Contains(said, "deleted") {
			return fmt.Errorf("%s came back", e.ID)
		}
	}
	return nil
}

// checkWhole reads all files of a checkpoint.
func checkWhole(ctx context.Context, s *Store, id ID) error {
	c, err := s.Checkpoint(id)
	if err != nil {
		return err
	}
	defer c.Close() // nothing was written through it
	if err := c.Verify(ctx); err != nil {
		return err
	}
	for name, want := range content(id.Step) {
		got, err := c.ReadAll(name)
		if err != nil {
			return err
		}
		if string(got) != string(want) {
			return fmt.Errorf("%s/%s is %q, want %q", id, name, got, want)
		}
	}
	return nil
}

// checkNext goes on from the head.
func checkNext(ctx context.Context, s *Store) error {
	entries, err := s.List()
	if err != nil {
		return err
	}
	head, lineage := Head(entries)
	if _, err := s.GoOn(ctx, head); err != nil {
		return err
	}
	next, err := save(ctx, s, 1000)
	if err != nil {
		return err
	}
	if entries, err = s.List(); err != nil {
		return err
	}
	now, longer := Head(entries)
	if now.ID != next.ID || len(longer) != len(lineage)+1 {
		return fmt.Errorf("after the next save the head is %s with %d on its lineage, want %s and %d", now.ID, len(longer), next.ID, len(lineage)+1)
	}
	return nil
}

// checkTidy finds what should not be in the directory of a run.
func checkTidy(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	claims := 0
	for _, e := range entries {
		_, isCheckpoint := ParseID(e.Name())
		_, isClaim := parseClaim(e.Name())
		if isClaim {
			claims++
		}
		if !isCheckpoint && !isClaim && e.Name() != lockName || claims > 1 {
			return fmt.Errorf("%s was left", e.Name())
		}
	}
	return nil
}

// largeSize is how many bytes a large checkpoint has.
const largeSize = 64 << 20

// fillLarge makes bytes that are of that step alone.
func fillLarge(b []byte, step int64) {
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], uint64(step)<<32|uint64(i))
	}
}

// saveLargeForEver keeps the newest two of its checkpoints.
func saveLargeForEver(path string) error {
	ctx := context.Background()
	s, err := Open(path, nil)
	if err != nil {
		return err
	}
	entries, err := s.List()
	if err != nil {
		return err
	}
	head, _ := Head(entries)
	if _, err := s.GoOn(ctx, head); err != nil {
		return err
	}
	step := int64(1)
	if head != nil {
		step = head.Step + 1
	}
	b, _, err := fsys.NewBuffer(largeSize) // until the process ends
	if err != nil {
		return err
	}
	for ; ; step++ {
		fillLarge(b, step)
		fmt.Println("begins", step)
		if err := saveLarge(ctx, s, step, b); err != nil {
			return err
		}
		fmt.Println("saved", step)
	}
}

func saveLarge(ctx context.Context, s *Store, step int64, b []byte) error {
	p, err := s.Begin(step, map[string]int64{"model.safetensors": int64(len(b))}, 0)
	if err != nil {
		return err
	}
	if err := p.Write(ctx, "model.safetensors", Data{Bytes: b}); err != nil {
		return err
	}
	if _, err := p.Commit(ctx, &Manifest{}); err != nil {
		return err
	}
	entries, err := s.List()
	if err != nil {
		return err
	}
	var ids []ID
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	if len(ids) < 3 {
		return nil
	}
	_, err = s.Prune(ctx, ids[:len(ids)-2], ids[len(ids)-2:])
	return err
}

// TestKilledDuringLargeSaves: after each kill all checkpoints are whole and the newest is no older than
// the last one reported. KIBISIS_KILLS says how many kills there are.
func TestKilledDuringLargeSaves(t *testing.T) {
	kills := 5
	if text := os.Getenv("KIBISIS_KILLS"); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	path := filepath.Join(t.TempDir(), "run")
	rng := rand.New(rand.NewPCG(1, 2))
	saved, left := int64(0), 0
	want := make([]byte, largeSize)
	took := time.Second // from one save to the next
	for n := range kills {
		c := startChild(t, "save large", path)
		require.Contains(t, c.line(t), "begins") // it is under way
		if n == 0 {
			start := time.Now()
			require.Contains(t, c.line(t), "saved")
			took = time.Since(start)
			saved = 1
		}
		kill := time.AfterFunc(time.Duration(rng.Int64N(int64(2*took))), func() { _ = c.cmd.Process.Kill() })
		begun := saved + 1
		lines, err := c.lines()
		require.Error(t, err, "it was killed")
		kill.Stop()
		for _, line := range lines {
			require.NotContains(t, line, "failed")
			if _, err := fmt.Sscanf(line, "saved %d", &saved); err != nil {
				_, err = fmt.Sscanf(line, "begins %d", &begun)
				require.NoError(t, err)
			}
		}
		r, err := OpenReadOnly(path, nil)
		require.NoError(t, err)
		entries, err := r.List()
		require.NoError(t, err)
		for _, e := range entries {
			fillLarge(want, e.Step)
			requireWhole(t, r, e.ID, map[string][]byte{"model.safetensors": want})
		}
		newest := int64(0)
		if len(entries) > 0 {
			newest = entries[len(entries)-1].Step
		}
		require.GreaterOrEqual(t, newest, saved)
		require.LessOrEqual(t, newest, begun)
		saved = newest
		require.NoError(t, r.Close())
		names, err := os.ReadDir(path)
		require.NoError(t, err)
		require.LessOrEqual(t, len(names), len(entries)+6, "each writer cleans up after the last one")
		left += len(names) - len(entries) - 2
	}
	t.Logf("%d kills, %d checkpoints in all; %d names were left for the next writer", kills, saved, left)
	s, err := Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, checkTidy(path))
}

func requireWhole(t *testing.T, s *Store, id ID, files map[string][]byte) {
	t.Helper()
	c, err := s.Checkpoint(id)
	require.NoError(t, err)
	require.NoError(t, c.Verify(t.Context()))
	for name, want := range files {
		got, err := c.ReadAll(name)
		require.NoError(t, err)
		require.True(t, string(got) == string(want), "%s/%s is not what was saved", id, name)
	}
	require.NoError(t, c.Close())
}
