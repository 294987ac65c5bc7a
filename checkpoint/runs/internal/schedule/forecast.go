package schedule

// This file is what can be told of the next save before it is due.

import "time"

// A Forecast is for observers; it decides nothing.
type Forecast struct {
	Step     int64         // the next one by a rule of steps; 0 if there is none
	Interval time.Duration // from save to save by the rules of time; 0 if there is none
	Left     time.Duration // of Interval; 0 when due
	AtRisk   time.Duration // since the last save: what would be lost with the state in memory
	Cost     time.Duration // of a typical save, in training time; 0 before the first, and without a budget
	Forced   bool          // the longest wait allowed makes saves cost more than the budget
	Why      string        // one line for each kind of rule, joined by "; "
}

// Next says when the next save is due, as far as is known.
func (s *Schedule) Next(now time.Time) Forecast {
	f := Forecast{AtRisk: s.elapsed(now), Step: s.next, Why: s.why}
	if d := s.rules.Every; d > 0 {
		f.Interval = d
		f.because("every " + d.String())
	}
	if s.rules.Budget > 0 {
		if d := s.pace.interval(); f.Interval == 0 || d < f.Interval {
			f.Interval = d
		}
		f.Cost, f.Forced = s.pace.typical, s.pace.forced()
		f.because(s.pace.explain())
	}
	f.Left = max(0, f.Interval-f.AtRisk)
	return f
}

func (f *Forecast) because(why string) {
	if f.Why != "" {
		f.Why += "; "
	}
	f.Why += why
}
