package crashproof

// This file cuts the power again while a new process makes order.

import (
	"context"
	"errors"
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// recovery is what a new process does.
var recovery = script{name: "what a new process does", steps: []step{
	func(p *player) error {
		if err := p.open(); !errors.Is(err, errNothingWhole) {
			return err
		}
		return nil
	},
	func(p *player) error {
		if p.store == nil {
			return nil
		}
		return p.save("next", nextStep(p.ledger.Load()), "")
	},
	closed,
}}

// cutTwice plays a script and, on some of the disks that a power cut can leave at each of its calls, has a
// new process make order, and cuts the power at each call of that. The report counts what was
// left then.
func cutTwice(ctx context.Context, s *script, first, second Cutting) (Report, error) {
	var mu sync.Mutex
	var total Report
	again := func(ctx context.Context, disk *faulty.Disk, l *ledger) error {
		seen, err := observe(ctx, disk, l)
		if err != nil {
			return err
		}
		r, err := cutFrom(ctx, disk, l.settle(seen), &recovery, second, check)
		mu.Lock()
		defer mu.Unlock()
		total.Moments += r.Moments
		total.States += r.States
		return err
	}
	disk, l := s.stage()
	_, err := cutFrom(ctx, disk, l, s, first, again)
	return total, err
}
