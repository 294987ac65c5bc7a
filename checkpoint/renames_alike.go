package checkpoint

// This file says how alike two names of tensors are, as people name them.

import (
	"regexp"
	"strings"
)

// A scorer compares names, and learns from those that are known to belong together.
type scorer struct {
	// kin are parents of names that belong together.
	kin  map[[2]string]bool
	seen map[[2]string]float64
	// left is how many more pairs may be compared: see guesser.
	left int
}

func newScorer() *scorer {
	return &scorer{kin: map[[2]string]bool{}, seen: map[[2]string]float64{}, left: 100_000}
}

// alike is 0 for names that have nothing in common. Equal names under parents that
// belong together have the most.
func (s *scorer) alike(a, b string) float64 {
	const parents, grandparents = 0.2, 0.1
	score := s.words(a, b)
	a, b = above(a), above(b)
	switch {
	case s.kin[[2]string{a, b}]:
		return score + parents
	case s.kin[[2]string{above(a), above(b)}]:
		return score + grandparents
	}
	return score
}

// learn notes that a and b belong together, and so what they are parts of.
func (s *scorer) learn(a, b string) {
	for a, b = above(a), above(b); a != "" && b != ""; a, b = above(a), above(b) {
		s.kin[[2]string{a, b}] = true
	}
}

// above is the name without what stands behind its last dot, "" at the top.
func above(name string) string {
	return name[:max(strings.LastIndexByte(name, '.'), 0)]
}

// words is the part of the words of two names that can be matched in their order, from
// 0 to 1. The last word, which tells a weight from a bias, counts twice.
func (s *scorer) words(a, b string) float64 {
	const longest = 256 // bytes of a name
	pair := [2]string{a, b}
	if score, ok := s.seen[pair]; ok {
		return score
	}
	if s.left--; s.left < 0 || len(a) > longest || len(b) > longest {
		return 0
	}
	x, y := wordsOf(a), wordsOf(b)
	score := 0.0
	if len(x) > 0 && len(y) > 0 {
		x, y = append(x, x[len(x)-1]), append(y, y[len(y)-1])
		score = 2 * matched(x, y) / float64(len(x)+len(y))
	}
	s.seen[pair] = score
	return score
}

var word = regexp.MustCompile(`[0-9]+|\p{Lu}*\p{Ll}+|\p{Lu}+|[\p{Lo}\p{Lm}\p{Lt}\p{M}]+|#`)

// wordsOf splits "layers.0.qProj_weight" into layers, 0, q, proj, weight.
func wordsOf(name string) []string {
	words := word.FindAllString(name, -1)
	for i, w := range words {
		words[i] = strings.ToLower(w)
	}
	return words
}

// matched is the weight of the best match of words in their order (by the algorithm
// for the longest common subsequence).
func matched(a, b []string) float64 {
	row := make([]float64, len(b)+1)
	for i := range a {
		diagonal := 0.0
		for j := range b {
			both := diagonal + sameWord(a[i], b[j])
			diagonal = row[j+1]
			row[j+1] = max(both, row[j], row[j+1])
		}
	}
	return row[len(b)]
}

// synonyms are words that libraries have for one thing.
var synonyms = func() map[string]int {
	all := map[string]int{}
	for i, words := range [][]string{
		{"weight", "kernel", "gamma", "scale", "w"},
		{"bias", "beta", "offset", "b"},
		{"mean", "avg"},
		{"var", "variance"},
		{"running", "moving"},
		{"attention", "attn", "mha"},
		{"norm", "ln", "layernorm", "bn"},
		{"embedding", "embeddings", "embed", "emb", "wte", "tok"},
		{"position", "positional", "pos", "wpe"},
		{"layer", "layers", "h", "block", "blocks", "blk"},
		{"linear", "dense", "fc", "lin"},
		{"mlp", "ffn", "ff"},
		{"head", "classifier", "output", "out"},
	} {
		for _, w := range words {
			all[w] = i + 1
		}
	}
	return all
}()

// sameWord is 1 for equal words, and less for those that may mean the same.
func sameWord(a, b string) float64 {
	const synonym, abbreviated = 0.9, 0.7
	switch {
	case a == b:
		return 1
	case synonyms[a] != 0 && synonyms[a] == synonyms[b]:
		return synonym
	case a[0] >= '0' && a[0] <= '9' || b[0] >= '0' && b[0] <= '9':
		return 0
	case abbreviates(a, b) || abbreviates(b, a):
		return abbreviated
	}
	same := likeness(a, b)
	return same * same // "encoder" is no "decoder"
}

// abbreviates reports whether short is the first letter of long and some of those that
// follow, in their order, as "attn" is of "attention".
func abbreviates(short, long string) bool {
	if len(short) >= len(long) || short[0] != long[0] {
		return false
	}
	for _, r := range long {
		if rest, ok := strings.CutPrefix(short, string(r)); ok {
			short = rest
		}
	}
	return short == ""
}
