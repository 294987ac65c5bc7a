package checkpoint

// This file pairs names of a model with names of a file: by what fits, then by how
// alike they are.

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A group is names that differ in numbers only, such as one parameter in all layers.
type group struct {
	pattern string // the name, with # for numbers
	members []member
}

// A member is one name of a group.
type member struct {
	name    string
	numbers []int // in the name, where the pattern has #
	typed
}

// A grouping makes groups of one side, sorted by pattern.
type grouping func(side) []*group

// A couple is two groups that belong together, member for member.
type couple struct {
	a, b *group // of the model, of the file
	why  string
}

var digits = regexp.MustCompile(`[0-9]+`)

// layers groups names by what they are without numbers.
func layers(s side) []*group {
	byPattern := map[string]*group{}
	for name, t := range s {
		pattern := digits.ReplaceAllString(name, "#")
		if byPattern[pattern] == nil {
			byPattern[pattern] = &group{pattern: pattern}
		}
		g := byPattern[pattern]
		g.members = append(g.members, member{name, numbersOf(name), t})
	}
	all := slices.SortedFunc(maps.Values(byPattern), func(a, b *group) int { return strings.Compare(a.pattern, b.pattern) })
	for _, g := range all {
		slices.SortFunc(g.members, func(a, b member) int {
			return cmp.Or(slices.Compare(a.numbers, b.numbers), strings.Compare(a.name, b.name))
		})
	}
	return all
}

func numbersOf(name string) []int {
	var numbers []int
	for _, text := range digits.FindAllString(name, -1) {
		n, err := strconv.Atoi(text)
		if err != nil {
			n = -1 // no layer has that many digits
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// each makes a group of every name.
func each(s side) []*group {
	var all []*group
	for _, name := range slices.Sorted(maps.Keys(s)) {
		all = append(all, &group{name, []member{{name: name, typed: s[name]}}})
	}
	return all
}

// shapes is equal for groups that have the same shapes in the same order.
func (g *group) shapes() string {
	var b strings.Builder
	for _, m := range g.members {
		fmt.Fprint(&b, m.shape)
	}
	return b.String()
}

// A pairing holds what is not paired yet.
type pairing struct {
	p      *proposer
	as, bs []*group
	first  bool // nothing is paired yet
}

// couples pairs groups, as long as any can be: those that fit only each other, then
// those that are clearly more alike than any others, from which the rest may follow.
func (p *proposer) couples(as, bs []*group) []couple {
	left := pairing{p, as, bs, len(p.entries) == 0}
	var all []couple
	for {
		fit := left.fit()
		found := fit.alone(left.first)
		if len(found) == 0 {
			found = fit.alike(p.scorer)
		}
		if len(found) == 0 {
			return all
		}
		all = append(all, found...)
		left.remove(found)
	}
}

func (l *pairing) remove(found []couple) {
	l.first = false
	gone := map[*group]bool{}
	for _, c := range found {
		gone[c.a], gone[c.b] = true, true
		l.p.scorer.learn(c.a.pattern, c.b.pattern)
		for i, m := range c.a.members {
			l.p.scorer.learn(m.name, c.b.members[i].name)
		}
	}
	isGone := func(g *group) bool { return gone[g] }
	l.as, l.bs = slices.DeleteFunc(l.as, isGone), slices.DeleteFunc(l.bs, isGone)
}

// A fitting is which groups could be which.
type fitting struct {
	as  []*group
	ofA map[*group][]*group
	ofB map[*group][]*group
}

func (l *pairing) fit() fitting {
	const most = 100_000 // pairs of groups of the same shapes: beyond, nothing is told apart
	f := fitting{l.as, map[*group][]*group{}, map[*group][]*group{}}
	byShapes, n := map[string][]*group{}, map[string]int{}
	for _, b := range l.bs {
		byShapes[b.shapes()] = append(byShapes[b.shapes()], b)
	}
	for _, a := range l.as {
		n[a.shapes()]++
	}
	for _, a := range l.as {
		if len(byShapes[a.shapes()])*n[a.shapes()] > most {
			continue
		}
		for _, b := range byShapes[a.shapes()] {
			if l.p.fitGroups(a, b) {
				f.ofA[a], f.ofB[b] = append(f.ofA[a], b), append(f.ofB[b], a)
			}
		}
	}
	return f
}

func (p *proposer) fitGroups(a, b *group) bool {
	if len(a.members) != len(b.members) {
		return false
	}
	for i := range a.members {
		if !p.fits(b.members[i].typed, a.members[i].typed) {
			return false
		}
	}
	return true
}

// alone finds groups that could only be each other.
func (f fitting) alone(first bool) (found []couple) {
	for _, a := range f.as {
		if bs := f.ofA[a]; len(bs) == 1 && len(f.ofB[bs[0]]) == 1 {
			where := "left"
			if first {
				where = "on both sides"
			}
			found = append(found, newCouple(a, bs[0], fmt.Sprintf("the only %s %s", a.text(), where)))
		}
	}
	return found
}

// alike finds groups each of which is more like the other than like any third.
func (f fitting) alike(s *scorer) (found []couple) {
	const enough, clearly = 0.3, 0.04
	bestOfB := map[*group]*group{}
	for b, as := range f.ofB {
		bestOfB[b] = best(as, func(a *group) float64 { return s.alike(a.pattern, b.pattern) }, enough, clearly)
	}
	for _, a := range f.as {
		b := best(f.ofA[a], func(b *group) float64 { return s.alike(a.pattern, b.pattern) }, enough, clearly)
		if b != nil && bestOfB[b] == a {
			found = append(found, newCouple(a, b, fmt.Sprintf("the most alike of %d %s", len(f.ofA[a]), a.text())))
		}
	}
	return found
}

// best is the group with the highest score, or nil where that is too low or too near
// to the second.
func best(groups []*group, score func(*group) float64, enough, clearly float64) *group {
	var top *group
	first, second := 0.0, 0.0
	for _, g := range groups {
		if x := score(g); x > first {
			top, first, second = g, x, first
		} else {
			second = max(second, x)
		}
	}
	if first < enough || first-second < clearly {
		return nil
	}
	return top
}

// text is what the members are, and how many.
func (g *group) text() string {
	first, n := g.members[0].String(), len(g.members)
	switch {
	case n == 1:
		return first
	case slices.ContainsFunc(g.members, func(m member) bool { return m.String() != first }):
		return fmt.Sprintf("%s and %d more", first, n-1)
	}
	return fmt.Sprintf("%s in %d layers", first, n)
}

func newCouple(a, b *group, why string) couple {
	for i := range a.members {
		if len(a.members) > 1 && !slices.Equal(a.members[i].numbers, b.members[i].numbers) {
			why += ", in the order of their numbers"
			break
		}
	}
	return couple{a, b, why}
}
