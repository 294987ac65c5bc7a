package runs

// These tests send signals that no system has sent. stop_unix_test.go has real ones.

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// fakeSignals is a system whose signals the test sends.
type fakeSignals struct {
	to     chan<- os.Signal
	raised []os.Signal
	stops  int
}

func (f *fakeSignals) system() signalSystem {
	return signalSystem{
		notify: func(c chan<- os.Signal, _ ...os.Signal) { f.to = c },
		stop:   func(chan<- os.Signal) { f.stops++ },
		again:  func(s os.Signal) { f.raised = append(f.raised, s) },
	}
}

// send waits until the stopper has taken it.
func (f *fakeSignals) send(s os.Signal) {
	f.to <- s
	synctest.Wait()
}

func TestFirstSignalSetsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSignals{}
		s := listenTo(25*time.Second, f.system())
		defer s.close()
		require.False(t, s.stopping())
		require.Nil(t, s.signal())
		require.Zero(t, s.deadline())
		time.Sleep(time.Hour)
		f.send(syscall.SIGTERM)
		require.True(t, s.stopping())
		require.Equal(t, syscall.SIGTERM, s.signal())
		require.Equal(t, 25*time.Second, time.Until(s.deadline()))
		time.Sleep(20 * time.Second)
		require.Equal(t, 5*time.Second, time.Until(s.deadline()))
		require.Empty(t, f.raised)
	})
}

func TestSecondSignalIsRaisedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSignals{}
		s := listenTo(time.Minute, f.system())
		f.send(syscall.SIGTERM)
		f.send(os.Interrupt)
		require.Equal(t, []os.Signal{os.Interrupt}, f.raised)
		require.Equal(t, 1, f.stops, "it listens no more before it raises")
		require.Equal(t, syscall.SIGTERM, s.signal())
		s.close()
	})
}

// A test in a bubble fails if a goroutine is left.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSignals{}
		s := listenTo(time.Minute, f.system())
		s.close()
		s.close()
		require.Equal(t, 1, f.stops)
		require.False(t, s.stopping())
		f.to <- syscall.SIGTERM // one that was under way
		synctest.Wait()
		require.False(t, s.stopping())
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSignals{}
		s := listenTo(time.Minute, f.system())
		f.send(syscall.SIGTERM)
		s.close()
		require.True(t, s.stopping(), "what was asked stays asked")
	})
}

func TestNilStopperHearsNothing(t *testing.T) {
	var s *stopper
	require.False(t, s.stopping())
	require.False(t, s.requested())
	require.Nil(t, s.signal())
	require.Zero(t, s.deadline())
	s.close()
}

func TestAtStop(t *testing.T) {
	const fresh = 5 * time.Second
	for _, c := range []struct {
		remaining, takes time.Duration
		inFlight         bool
		since            time.Duration
		want             stopChoice
		why              string
	}{
		{25 * time.Second, time.Second, false, time.Minute, saveNow, "a save takes 1s, and there are 25s left"},
		{1500 * time.Millisecond, time.Second, false, time.Minute, saveNow, "a save takes 1s, and there are 1.5s left"},
		{1499 * time.Millisecond, time.Second, false, time.Minute, saveNothing, "a save takes 1s, and there are only 1.5s left; the last one is 1m0s old"},
		{1499 * time.Millisecond, time.Second, true, time.Minute, waitForSnapshot, "another save after the one being written may not end within 1.5s"},
		{2499 * time.Millisecond, time.Second, true, time.Minute, waitForSnapshot, "another save after the one being written may not end within 2.5s"},
		{2500 * time.Millisecond, time.Second, true, time.Minute, saveNow, "a save takes 1s, and there are 2.5s left"},
		{25 * time.Second, time.Second, false, fresh, saveNothing, "the last save is only 5s old"},
		{25 * time.Second, time.Second, true, 0, saveNothing, "the last save is only 0s old"},
		{0, time.Second, true, time.Minute, saveNothing, "there is no time left"},
		{-time.Second, 0, false, time.Minute, saveNothing, "there is no time left"},
		{time.Second, 0, false, time.Minute, saveNow, "there are 1s left; it is not known how long a save takes"},
		{time.Second, 0, true, time.Minute, waitForSnapshot, "another save after the one being written may not end within 1s"},
	} {
		got, why := atStop(c.remaining, c.takes, c.inFlight, c.since, fresh)
		require.Equal(t, c.want, got, "%+v: %s", c, why)
		require.Equal(t, c.why, why)
	}
}

// A save that is begun is expected to end in time, and a state that is too old is left only
// where there is no time to do better.
func TestAtStopLaws(t *testing.T) {
	duration := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "ns"))
	})
	rapid.Check(t, func(rt *rapid.T) {
		remaining, takes := duration.Draw(rt, "remaining"), duration.Draw(rt, "takes")+1
		since, fresh := duration.Draw(rt, "since"), duration.Draw(rt, "fresh")
		inFlight := rapid.Bool().Draw(rt, "in flight")
		got, why := atStop(remaining, takes, inFlight, since, fresh)
		require.NotEmpty(rt, why)
		switch got {
		case saveNow:
			require.LessOrEqual(rt, takes, remaining)
			require.Greater(rt, since, fresh)
		case waitForSnapshot:
			require.True(rt, inFlight)
			require.Positive(rt, remaining)
		case saveNothing:
			require.True(rt, since <= fresh || remaining < 2*takes)
		}
		if more, _ := atStop(2*remaining, takes, inFlight, since, fresh); since > fresh {
			require.GreaterOrEqual(rt, more, got, "more time is never used for less")
		}
	})
}
