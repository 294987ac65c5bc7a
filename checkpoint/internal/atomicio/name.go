package atomicio

// This file is the names of temporary files and folders. They are part of what is promised:
// a file that another version left must be found, and nothing else may be taken for one.

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	tempSuffix    = ".kibisis-tmp" // is being made
	retiredSuffix = ".kibisis-old" // a folder that was replaced; as long as tempSuffix

	randomHex = 16  // digits that make a name unique
	maxName   = 255 // bytes; exactly this many is legal on the usual file systems
	hashHex   = 16  // digits that stand for a base name too long to be part of it
)

// tempName returns a fresh name for a temporary file of base: ".<base>.<random>" and
// the suffix.
func tempName(base string) string {
	var random [randomHex / 2]byte
	rand.Read(random[:]) // never fails
	return tempPrefix(base) + hex.EncodeToString(random[:]) + tempSuffix
}

// isTempOf reports whether name is what tempName could have returned for base.
func isTempOf(name, base string) bool { return isNameOf(name, base, tempSuffix) }

// retiredName is the name that a folder called name by tempName gives to the one that it
// replaces.
func retiredName(name string) string { return strings.TrimSuffix(name, tempSuffix) + retiredSuffix }

// isRetiredOf is isTempOf for retired folders.
func isRetiredOf(name, base string) bool { return isNameOf(name, base, retiredSuffix) }

func isNameOf(name, base, suffix string) bool {
	middle, ok := strings.CutPrefix(name, tempPrefix(base))
	if !ok {
		return false
	}
	digits, ok := strings.CutSuffix(middle, suffix)
	return ok && len(digits) == randomHex && strings.Trim(digits, "0123456789abcdef") == ""
}

// tempPrefix is the part of the name that says whose it is. A base that does not fit is
// cut, at a whole character, and told from others by its hash.
func tempPrefix(base string) string {
	const room = maxName - len("..") - randomHex - len(tempSuffix)
	if len(base) > room {
		hash := sha256.Sum256([]byte(base))
		base = fmt.Sprintf("%s-%x", cut(base, room-1-hashHex), hash[:hashHex/2])
	}
	return "." + base + "."
}

// cut returns the longest beginning of s that has at most n bytes and does not end
// inside a character.
func cut(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
