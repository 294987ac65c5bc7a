package runs

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// An onDisk is a run on the disk in memory, with a clock and a record of what was seen.
type onDisk struct {
	*Run
	t    *testing.T
	disk *faulty.Disk
	proc *faulty.Process
	now  time.Time

	mu     sync.Mutex
	events []Event
}

// newOnDisk opens a run and restores l's parts.
func newOnDisk(t *testing.T, l *loop, o Options) *onDisk {
	t.Helper()
	d := &onDisk{t: t, disk: faulty.NewDisk(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	d.open(l, o)
	return d
}

func (d *onDisk) open(l *loop, o Options) {
	d.t.Helper()
	d.proc = d.disk.Process()
	o.fs, o.now = d.proc, func() time.Time { return d.now }
	o.Observer = func(e Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.events = append(d.events, e)
	}
	d.Run = newRun(d.t, "/runs/test", &o)
	_, err := d.Restore(d.t.Context(), l.parts()...)
	require.NoError(d.t, err)
}

// seen returns the events of one kind.
func seen[T Event](d *onDisk) (found []T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.events {
		if e, ok := e.(T); ok {
			found = append(found, e)
		}
	}
	return found
}

// steps are those of the checkpoints.
func (d *onDisk) steps() (steps []int64) {
	list, err := d.Checkpoints()
	require.NoError(d.t, err)
	for _, c := range list {
		require.NoError(d.t, c.Err)
		steps = append(steps, c.Step)
	}
	return steps
}

// saves calls SaveIfDue for one step, and waits.
func (d *onDisk) saves(step int64, m Metrics) error {
	err := d.SaveIfDue(d.t.Context(), step, m)
	d.land()
	return err
}

func TestAFailedSaveIsTheLoopsErrorAfterThree(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1})
	require.NoError(t, d.saves(1, nil))
	d.proc.Inject(faulty.Fault{Op: "sync", Call: len(tracesOf(d.proc, "sync ")), Kind: faulty.FailOn})
	for step := range int64(3) {
		require.NoError(t, d.saves(2+step, nil), "training goes on")
	}
	err := d.saves(5, nil)
	require.ErrorContains(t, err, "the last 3 saves have failed")
	require.ErrorIs(t, err, syscall.EIO)
	require.Len(t, seen[Failed](d), 3)
	require.Equal(t, 3, seen[Failed](d)[2].InARow)
	require.Equal(t, []int64{1}, d.steps(), "no save that failed is there")
	require.ErrorContains(t, d.Finish(t.Context()), "step 5", "nor the last step")
}

func tracesOf(p *faulty.Process, prefix string) (calls []string) {
	for _, call := range p.Trace() {
		if strings.HasPrefix(call, prefix) {
			calls = append(calls, call)
		}
	}
	return calls
}

func TestNothingSavedForHalfAnHourIsTheLoopsError(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{Every: 20 * time.Minute})
	d.now = d.now.Add(20 * time.Minute)
	require.NoError(t, d.saves(1, nil))
	d.proc.Inject(faulty.Fault{Op: "sync", Call: len(tracesOf(d.proc, "sync ")), Kind: faulty.FailOn})
	d.now = d.now.Add(20 * time.Minute)
	require.NoError(t, d.saves(2, nil))
	d.now = d.now.Add(9 * time.Minute)
	require.NoError(t, d.saves(3, nil))
	d.now = d.now.Add(2 * time.Minute)
	require.ErrorContains(t, d.saves(4, nil), "nothing was saved for 31m")
	require.NoError(t, d.Close(), "which was told")
}

func TestAFailureInTheBackgroundIsToldInTheEnd(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1})
	d.proc.Inject(faulty.Fault{Op: "sync", Call: len(tracesOf(d.proc, "sync "))})
	require.NoError(t, d.SaveIfDue(t.Context(), 1, nil))
	require.ErrorIs(t, d.Close(), syscall.EIO)
}

func TestASaveThatWorksAgainForgivesAll(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1})
	for step := range int64(6) {
		if step%3 != 2 {
			d.proc.Inject(faulty.Fault{Op: "sync", Call: len(tracesOf(d.proc, "sync "))})
		}
		require.NoError(t, d.saves(step+1, nil))
	}
	require.Equal(t, []int64{3, 6}, d.steps())
	require.NoError(t, d.Finish(t.Context()))
}

// TestAFullDisk: found before the state is copied, training goes on, and room makes it work again.
func TestAFullDisk(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1})
	require.NoError(t, d.saves(1, nil))
	d.disk.SetCapacity(64 << 10)
	require.NoError(t, d.saves(2, nil))
	require.Empty(t, seen[Snapshot](d)[1:], "nothing was copied")
	require.ErrorIs(t, seen[Failed](d)[0].Err, ErrNoSpace)
	require.ErrorContains(t, seen[Failed](d)[0].Err, "are free")
	d.disk.SetCapacity(-1)
	require.NoError(t, d.saves(3, nil))
	require.Equal(t, []int64{1, 3}, d.steps())
	require.NoError(t, d.Finish(t.Context()))
}

// hold stops the disk at a call of that name, until the function that it returns is called.
func (d *onDisk) hold(op string) (release func()) {
	gate := make(chan struct{})
	once := sync.Once{}
	d.proc.Before(func(o, _ string) {
		if o == op {
			<-gate
		}
	})
	return func() { once.Do(func() { close(gate) }) }
}

func TestSavesThatPileUp(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1, KeepLast: 20, KeepBest: Lowest("val")})
	release := d.hold("sync")
	require.NoError(t, d.SaveIfDue(t.Context(), 1, nil))
	for step := range int64(4) {
		require.NoError(t, d.SaveIfDue(t.Context(), 2+step, nil))
	}
	require.Len(t, seen[Waiting](d), 1, "one waits, without bytes")
	require.Len(t, seen[Snapshot](d), 1)

	// A save for a new best is not superseded: it waits for the disk.
	time.AfterFunc(20*time.Millisecond, release)
	require.NoError(t, d.SaveIfDue(t.Context(), 6, Metrics{"val": 1}))
	require.NoError(t, d.Save(t.Context(), 8, nil), "nor is one that was asked for")
	require.Equal(t, []int64{1, 6, 8}, d.steps())
	require.NoError(t, d.Finish(t.Context()))
}

// TestTheFileHasTheStateOfTheCall changes the weights while a save is being written.
func TestTheFileHasTheStateOfTheCall(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1, KeepLast: 2})
	for step := range int64(300) {
		l.step()
		want := l.bits()
		require.NoError(t, d.SaveIfDue(t.Context(), step+1, nil))
		for range 3 {
			l.step()
		}
		d.land()
		if step%50 != 49 {
			continue
		}
		other := newLoop(t, tensor.Float32, 2, adam())
		r := newRun(t, "/runs/test", &Options{ReadOnly: true, fs: d.disk.Process()})
		restored, err := r.Restore(t.Context(), other.parts()...)
		require.NoError(t, err)
		require.Equal(t, step+1, restored.Step)
		require.Equal(t, want, other.bits())
		require.NoError(t, r.Close())
	}
	require.NoError(t, d.Close())
}

func TestRequestsFromOutside(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{})
	require.NoError(t, d.saves(1, nil))
	require.Empty(t, d.steps(), "nothing is due")
	d.Request()
	require.NoError(t, d.saves(2, nil))
	d.disk.WriteFile("/runs/test/save-now", nil)
	d.now = d.now.Add(2 * time.Second)
	require.NoError(t, d.saves(3, nil))
	require.NoError(t, d.saves(4, nil))
	require.Equal(t, []int64{2, 3}, d.steps())
	require.NotContains(t, d.disk.Names("/runs/test"), "save-now")
	require.NoError(t, d.Close())
}

func TestTheBestIsKept(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	o := Options{EverySteps: 1, KeepLast: 2, KeepBest: Lowest("val")}
	d := newOnDisk(t, l, o)
	for i, v := range []float64{math.NaN(), math.Inf(1), 1, 2, math.NaN(), 4, math.Inf(1), 5} {
		require.NoError(t, d.saves(int64(i+1), Metrics{"val": v}))
	}
	require.Equal(t, []int64{3, 7, 8}, d.steps())
	require.NoError(t, d.Record(7, Metrics{"val": 0.5}), "a value that came later")
	require.NoError(t, d.saves(9, nil))
	require.NoError(t, d.saves(10, nil))
	require.NoError(t, d.saves(11, nil))
	require.Equal(t, []int64{7, 10, 11}, d.steps())
	require.NoError(t, d.Finish(t.Context()))

	o.From = BestBy(Lowest("val"))
	o.ReadOnly = true
	d.open(l, o)
	require.EqualValues(t, 7, seen[Resumed](d)[1].Restored.Step)
	require.InDelta(t, 0.5, seen[Resumed](d)[1].Restored.Metrics["val"], 0)
	require.NoError(t, d.Close())
}

func TestPinsOutliveTheRules(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1, KeepLast: 2})
	require.NoError(t, d.saves(1, nil))
	require.NoError(t, d.Pin(AtStep(1), "paper"))
	for step := range int64(4) {
		require.NoError(t, d.saves(2+step, nil))
	}
	require.Equal(t, []int64{1, 4, 5}, d.steps())
	require.NoError(t, d.Unpin("paper"))
	would, err := d.Prune(t.Context(), true)
	require.NoError(t, err)
	require.Len(t, would, 3)
	require.Equal(t, []int64{1, 4, 5}, d.steps(), "a dry run")
	_, err = d.Prune(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, []int64{4, 5}, d.steps())
	require.NoError(t, d.Finish(t.Context()))
}

// TestAPanicSavesNoHalfStep: Close, deferred, lets what was copied end and copies nothing.
func TestAPanicSavesNoHalfStep(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 2})
	require.PanicsWithValue(t, "mid-step", func() {
		defer d.Close() // looked at below
		for step := range int64(5) {
			if step == 3 {
				panic("mid-step")
			}
			l.step()
			require.NoError(t, d.SaveIfDue(t.Context(), step+1, nil))
		}
	})
	d.open(l, Options{})
	require.Equal(t, []int64{2}, d.steps())
	require.NoError(t, d.Close())
}

func TestFinishSavesTheLastStep(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1000})
	ctx, cancel := context.WithCancelCause(t.Context())
	require.NoError(t, d.SaveIfDue(ctx, 7, nil))
	cancel(errors.New("the program ends"))
	require.NoError(t, d.Finish(ctx), "although its context is done")
	require.NoError(t, d.Finish(ctx), "a second time")
	d.open(l, Options{})
	require.Equal(t, []int64{7}, d.steps())
	require.NoError(t, d.Finish(t.Context()))
	require.Equal(t, []string{"lock", "step-000000000007-g000001", "writer-g000002"}, d.disk.Names("/runs/test"))
	require.Zero(t, d.disk.OpenHandles())
}

// TestASignalEndsTraining with a save, and with ErrStop from then on.
func TestASignalEndsTraining(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1000})
	d.stop = &stopper{grace: time.Minute}
	require.NoError(t, d.saves(1, nil))
	d.now = d.now.Add(time.Minute)
	d.stop.first.Store(&heard{syscall.SIGTERM, time.Now()})
	require.ErrorIs(t, d.saves(2, nil), ErrStop)
	require.Equal(t, []int64{2}, d.steps())
	require.ErrorIs(t, d.saves(3, nil), ErrStop)
	require.Equal(t, "save", seen[Stopping](d)[0].Choice)
	require.NoError(t, d.store.Close())
}

func TestStepsGoForward(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1})
	require.NoError(t, d.saves(5, nil))
	require.ErrorIs(t, d.saves(4, nil), ErrStep)
	require.NoError(t, d.saves(5, nil), "the same again is nothing new")
	require.Equal(t, []int64{5}, d.steps())
	require.NoError(t, d.Finish(t.Context()))
	require.ErrorContains(t, d.SaveIfDue(t.Context(), 6, nil), "closed")
}

func TestCallsInTheWrongOrder(t *testing.T) {
	r := newRun(t, runPath(t), nil)
	require.ErrorIs(t, r.SaveIfDue(t.Context(), 1, nil), ErrNotRestored)
	_, err := r.Restore(t.Context())
	require.ErrorContains(t, err, "no parts")
	l := newLoop(t, tensor.Float32, 1, adam())
	_, err = r.Restore(t.Context(), Weights(l.model()), Weights(l.model()))
	require.ErrorContains(t, err, `two parts are called "model"`)
	_, err = r.Restore(t.Context(), Named("../x", Weights(l.model())))
	require.ErrorContains(t, err, "cannot be called")
	_, err = r.Restore(t.Context(), l.parts()...)
	require.NoError(t, err)
	_, err = r.Restore(t.Context(), l.parts()...)
	require.ErrorContains(t, err, "called before")
	require.NoError(t, r.Close())
	_, err = Open("~/x", nil)
	require.ErrorContains(t, err, "only shells know")
	_, err = Open(filepath.Join(t.TempDir(), "x"), &Options{KeepLast: 1})
	require.Error(t, err)
}
