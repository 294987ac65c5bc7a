package checkpoint

// This file guesses which name was meant.

import (
	"iter"
	"strings"
)

// A guesser knows the names that may be meant.
type guesser struct {
	names []string
	whole map[string]bool
	tail  map[string]string // for what stands behind a dot in a name: the shortest such name
	// left is how many more names may be compared letter by letter: two files with
	// ten thousand names each that have nothing in common would take minutes.
	left int
}

func newGuesser(names []string) *guesser {
	g := &guesser{names: names, whole: make(map[string]bool, len(names)), tail: map[string]string{}, left: 100_000}
	for _, name := range names {
		g.whole[name] = true
		for tail := range tails(name) {
			if old, ok := g.tail[tail]; !ok || len(name) < len(old) {
				g.tail[tail] = name
			}
		}
	}
	return g
}

// tails yields what stands behind each dot of a name, the longest first.
func tails(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			_, tail, ok := strings.Cut(name, ".")
			if !ok || !yield(tail) {
				return
			}
			name = tail
		}
	}
}

// nearest returns the name most like the given one, or "" where none is alike: one
// that has the same end (a prefix "bert." too many or too few is the commonest
// difference between files), else one that is a few letters away.
func (g *guesser) nearest(name string) string {
	if longer, ok := g.tail[name]; ok {
		return longer
	}
	for tail := range tails(name) {
		if g.whole[tail] {
			return tail
		}
	}
	best, bestScore := "", 0.0
	for _, c := range g.names[:min(len(g.names), g.left)] {
		if score := likeness(name, c); score > bestScore {
			best, bestScore = c, score
		}
	}
	g.left -= min(len(g.names), g.left)
	return best
}

// likeness is 0 for names that are not alike, 1 for equal ones.
func likeness(a, b string) float64 {
	const (
		most  = 256 // letters; comparing costs their product
		alike = 0.7 // the part of the letters that must stay
	)
	short, long := min(len(a), len(b)), max(len(a), len(b))
	if long > most || float64(short) < alike*float64(long) {
		return 0
	}
	if same := 1 - float64(distance(a, b))/float64(long); same >= alike {
		return same
	}
	return 0
}

// distance is the number of bytes to insert, drop or change to get from a to b
// (Levenshtein's, by the two-row algorithm of Wagner and Fischer).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
