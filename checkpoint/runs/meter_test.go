package runs

// These tests simulate training, where it is known what saves cost.

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A simulation is a loop that saves every so many steps.
type simulation struct {
	rng   *rand.Rand
	now   time.Time
	meter *meter

	step     time.Duration // without noise
	noise    float64       // steps are longer or shorter by up to this part
	skewed   bool          // a few are much longer instead, and the others shorter
	every    int           // steps from save to save
	writing  int           // steps that a save is written beside
	slowdown float64       // of these steps
	pause    func(i int) time.Duration

	cost, trained time.Duration // what is true
	costs         []time.Duration
}

func newSimulation(seed uint64) *simulation {
	return &simulation{
		rng: rand.New(rand.NewPCG(seed, 0)), now: time.Unix(1e9, 0), meter: newMeter(),
		step: 100 * time.Millisecond, noise: 0.3, every: 200, writing: 30,
		pause: func(int) time.Duration { return 0 },
	}
}

// run makes so many steps.
func (s *simulation) run(steps int) {
	begun := -1
	s.meter.exit(s.now)
	for i := range steps {
		flying := begun >= 0
		s.train(i, flying)
		s.meter.enter(s.now)
		switch {
		case flying && i-begun == s.writing:
			s.costs = append(s.costs, s.meter.land(s.now))
			begun = -1
		case !flying && i%s.every == s.every-1:
			s.now = s.now.Add(20 * time.Millisecond) // the copy
			s.cost += 20 * time.Millisecond
			s.meter.lift(s.now)
			begun = i
		}
		s.meter.exit(s.now)
	}
}

// train is one step.
func (s *simulation) train(i int, flying bool) {
	d := time.Duration(float64(s.step) * s.factor())
	d += s.pause(i)
	s.trained += d
	if flying {
		extra := time.Duration(float64(d) * s.slowdown)
		s.cost += extra
		d += extra
	}
	s.now = s.now.Add(d)
}

// factor has a mean of 1.
func (s *simulation) factor() float64 {
	if s.skewed {
		if s.rng.IntN(10) == 0 {
			return 1 + 9*s.noise
		}
		return 1 - s.noise
	}
	return 1 + s.noise*(2*s.rng.Float64()-1)
}

// requireTruth checks the totals, within a part of the true cost, and what each save was
// said to cost.
func (s *simulation) requireTruth(t *testing.T, within float64) {
	t.Helper()
	lost, trained := s.meter.totals()
	require.InEpsilon(t, s.cost, lost, within)
	require.InEpsilon(t, s.trained, trained, within)
	var sum time.Duration
	for _, c := range s.costs {
		require.GreaterOrEqual(t, c, time.Duration(0))
		sum += c
	}
	require.InEpsilon(t, s.cost, sum+20*time.Millisecond*time.Duration(len(s.costs)), within)
}

func TestMeterRecoversContention(t *testing.T) {
	for _, slowdown := range []float64{0.1, 0.25, 0.86, 4} {
		for seed := range uint64(5) {
			s := newSimulation(seed)
			s.slowdown = slowdown
			s.run(40_000)
			s.requireTruth(t, max(0.03, 0.01/slowdown))
		}
	}
}

func TestMeterIsRightAboutSkewedSteps(t *testing.T) {
	for seed := range uint64(5) {
		s := newSimulation(seed)
		s.skewed, s.noise, s.slowdown = true, 0.1, 0.25
		s.run(40_000)
		s.requireTruth(t, 0.05)
	}
}

// Noise costs nothing: not for symmetric steps, and not if a few are four times as long. What
// is left is the luck of the last saves, which the longer training makes less of.
func TestMeterSeesNoPhantoms(t *testing.T) {
	for skewed, limit := range map[bool]float64{false: 0.002, true: 0.005} {
		for seed := range uint64(10) {
			s := newSimulation(seed)
			s.skewed = skewed
			s.run(40_000)
			lost, trained := s.meter.totals()
			require.Less(t, float64(lost-s.cost)/float64(trained), limit)
		}
	}
}

// An evaluation is no loss, nor does it hide one, wherever it falls.
func TestMeterIgnoresPauses(t *testing.T) {
	for _, slowdown := range []float64{0, 0.25} {
		s := newSimulation(1)
		s.slowdown = slowdown
		s.pause = func(i int) time.Duration {
			if i%97 == 96 {
				return 100 * s.step
			}
			return 0
		}
		s.run(40_000)
		if slowdown > 0 {
			s.requireTruth(t, 0.1)
			continue
		}
		lost, trained := s.meter.totals()
		require.Less(t, float64(lost-s.cost)/float64(trained), 0.003)
	}
}

// On one processor, steps of a millisecond wait for slices of ten.
func TestMeterTakesLongStepsBesideSavesForWhatTheyAre(t *testing.T) {
	s := newSimulation(1)
	s.step, s.slowdown = time.Millisecond, 11
	s.run(40_000)
	s.requireTruth(t, 0.03)
}

// beat makes n equal steps, and calls that take no time.
func beat(m *meter, now *time.Time, n int, step time.Duration) {
	for range n {
		*now = now.Add(step)
		m.enter(*now)
		m.exit(*now)
	}
}

func TestMeterCountsWaiting(t *testing.T) {
	m, now := newMeter(), time.Unix(1e9, 0)
	m.exit(now)
	beat(m, &now, 20, time.Second)
	m.enter(now.Add(time.Second))
	m.lift(now.Add(2 * time.Second)) // the copy takes 1 s
	m.exit(now.Add(2 * time.Second))
	m.enter(now.Add(3 * time.Second))
	m.exit(now.Add(3500 * time.Millisecond)) // a call that is slow for another reason
	m.enter(now.Add(4500 * time.Millisecond))
	require.Equal(t, 1500*time.Millisecond, m.land(now.Add(5500*time.Millisecond)), "two waits: 0.5 s and 1 s")
	m.exit(now.Add(6 * time.Second))
	lost, trained := m.totals()
	require.Equal(t, 3*time.Second, lost, "1 s, 0.5 s and 1.5 s in calls")
	require.Equal(t, 23*time.Second, trained)
}

func TestMeterCountsASaveThatIsWaitedFor(t *testing.T) {
	m, now := newMeter(), time.Unix(1e9, 0)
	m.enter(now)
	m.lift(now.Add(time.Second))
	require.Equal(t, 4*time.Second, m.land(now.Add(5*time.Second)))
	m.exit(now.Add(5 * time.Second))
	require.Zero(t, m.land(now.Add(9*time.Second)), "nothing is under way")
	lost, trained := m.totals()
	require.Equal(t, 5*time.Second, lost)
	require.Zero(t, trained)
}

// Without steps to compare with, nothing is said.
func TestMeterKnowsThatItDoesNotKnow(t *testing.T) {
	m, now := newMeter(), time.Unix(1e9, 0)
	m.exit(now)
	beat(m, &now, 3, time.Second)
	m.enter(now)
	m.lift(now)
	m.exit(now)
	beat(m, &now, 20, time.Hour)
	m.enter(now)
	require.Zero(t, m.land(now))
}

// In a pause, only the part beside the save counts, at the rate of other steps.
func TestMeterSplitsAPauseWhereTheSaveEnds(t *testing.T) {
	m, now := newMeter(), time.Unix(1e9, 0)
	m.exit(now)
	beat(m, &now, 63, time.Second)
	now = now.Add(time.Second)
	m.enter(now)
	m.lift(now)
	m.exit(now)
	beat(m, &now, 10, 2*time.Second) // half of each is lost
	now = now.Add(100 * time.Second)
	m.enter(now)
	require.Equal(t, 15*time.Second, m.land(now.Add(-90*time.Second)), "10 s, and half of 10 s")
}

func TestMeterForgetsCredit(t *testing.T) {
	m := newMeter()
	require.Zero(t, m.carry(-time.Hour))
	require.Zero(t, m.carry(time.Minute))
	for range 1000 {
		m.carry(0)
	}
	require.InDelta(t, time.Minute, m.carry(time.Minute), float64(time.Millisecond))
}

func BenchmarkMeter(b *testing.B) {
	m, now := newMeter(), time.Unix(1e9, 0)
	for b.Loop() {
		now = now.Add(time.Millisecond)
		m.enter(now)
		m.exit(now)
	}
}
