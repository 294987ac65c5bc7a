package crashproof

// This file kills writers at each call that changes something on a real disk.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// playUntilKilled is the writer: it tells a story, and says where in the ledger it is. args are the story's
// name and the number of the call before which it kills itself.
func playUntilKilled(ctx context.Context, dir string, args []string, out io.Writer) (err error) {
	if len(args) != 2 || scriptNamed(args[0]) == nil {
		return fmt.Errorf("there is no story %q", args)
	}
	deadly, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s := scriptNamed(args[0])
	disk, l := s.stage()
	h := &hook{}
	fsx, err := openJail(dir, h, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fsx.Close()) }()
	p := newPlayer(ctx, disk, fsx, l)
	said, calls := -1, 0
	h.before = func(string) {
		if at := p.ledger.Load().position; at != said {
			said = at
			fmt.Fprintln(out, "at", at) // whoever listens is gone if it fails, and the killing goes on
		}
		if calls == deadly {
			killMe()
		}
		calls++
	}
	if err := s.play(p); err != nil {
		return err
	}
	fmt.Fprintln(out, "at", p.ledger.Load().position)
	return nil
}

// killAtCalls goes through all calls of all stories in a random order, and begins anew.
func killAtCalls(ctx context.Context, p *Place, until time.Time, o *Outcome) error {
	all, err := p.rehearsed(ctx)
	if err != nil {
		return err
	}
	type moment struct {
		story *rehearsal
		call  int
	}
	var moments []moment
	for _, r := range all {
		for call := range r.calls {
			moments = append(moments, moment{r, call})
		}
	}
	p.rng(1).Shuffle(len(moments), func(i, j int) { moments[i], moments[j] = moments[j], moments[i] })
	err = repeat(ctx, p.Dir, atOnce, until, o, func(n int, dir string) error {
		m := moments[n%len(moments)]
		if err := p.killAt(ctx, m.story, m.call, dir); err != nil {
			return fmt.Errorf("killed before call %d of %q: %w", m.call, m.story.script.name, err)
		}
		return nil
	})
	o.note("%d of %d calls in %d stories", min(o.Tried, len(moments)), len(moments), len(all))
	return err
}

func (p *Place) killAt(ctx context.Context, r *rehearsal, call int, dir string) error {
	disk, l := r.script.stage()
	if err := unload(disk, "/", dir); err != nil {
		return err
	}
	c, err := p.start(ctx, "script", dir, r.script.name, strconv.Itoa(call))
	if err != nil {
		return err
	}
	err = c.each(func(line string) error {
		var at int
		if _, err := fmt.Sscanf(line, "at %d", &at); err != nil {
			return fmt.Errorf("a writer says %q: %w", line, err)
		}
		if l = r.ledgers[at]; l == nil {
			return fmt.Errorf("the story went another way: there is no place %d in it", at)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return checkReal(ctx, dir, l)
}
