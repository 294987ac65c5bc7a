package main

// This file is the book.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// book is a text as numbers of letters.
type book struct {
	alphabet []rune
	letters  []int
}

// findBook is where Go keeps Newton's Opticks (the fourth edition, 1730).
func findBook() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask go where the book is (name another text with -text): %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "src", "testdata", "Isaac.Newton-Opticks.txt"), nil
}

// readBook reads a text in which no letter is rarer than a few times.
func readBook(path string) (*book, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("no book (name a text with -text): %w", err)
	}
	all := []rune(strings.ReplaceAll(string(text), "\r\n", "\n"))
	count := map[rune]int{}
	for _, r := range all {
		count[r]++
	}
	b := &book{}
	for r, n := range count {
		if n >= 10 {
			b.alphabet = append(b.alphabet, r)
		}
	}
	slices.Sort(b.alphabet)
	for _, r := range all {
		if i, ok := slices.BinarySearch(b.alphabet, r); ok {
			b.letters = append(b.letters, i)
		}
	}
	if len(b.letters) < 100*moments {
		return nil, fmt.Errorf("%s has %d letters: want at least %d", path, len(b.letters), 100*moments)
	}
	return b, nil
}

// pieces is how many pieces of the book there are to learn from. Each is moments letters, and the
// one after.
func (b *book) pieces() int { return (len(b.letters) - 1) / moments }

// piece brings one piece and what follows each of its letters into a row of a batch.
func (b *book) piece(i int, x, next []int) {
	copy(x, b.letters[i*moments:][:moments])
	copy(next, b.letters[i*moments+1:][:moments])
}

// encode is the numbers of the letters of s that the book has.
func (b *book) encode(s string) (all []int) {
	for _, r := range s {
		if i, ok := slices.BinarySearch(b.alphabet, r); ok {
			all = append(all, i)
		}
	}
	return all
}
