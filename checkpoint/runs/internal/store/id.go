package store

// This file is names: what each one in the root of a run means. The forms are part of the
// format and never change.

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	stepPrefix    = "step-"
	claimPrefix   = "writer-"
	damagedPrefix = "damaged-"
	tempPrefix    = ".kibisis-tmp-"
	trashPrefix   = ".kibisis-trash-"
	lockName      = "lock"

	// ManifestName is the file of a checkpoint that lists the others.
	ManifestName = "manifest.json"
	pinName      = "pinned"
	recordedName = "recorded.json"
)

// ID tells the checkpoints of a run apart.
type ID struct {
	Generation uint64 // of the writer, from 1
	Step       int64  // steps done, from 0
}

// String is the name of the checkpoint's directory, "step-000000000400-g000002".
func (id ID) String() string {
	return fmt.Sprintf("%s%012d-%s", stepPrefix, id.Step, generation(id.Generation))
}

// Compare orders by generation and then by step: what is greater is newer.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Generation, other.Generation), cmp.Compare(id.Step, other.Step))
}

// ParseID is the inverse of ID.String. It takes no other spelling.
func ParseID(name string) (ID, bool) {
	rest, ok := strings.CutPrefix(name, stepPrefix)
	step, gen, found := strings.Cut(rest, "-")
	if !ok || !found {
		return ID{}, false
	}
	n, err := strconv.ParseInt(step, 10, 64)
	g, isGeneration := parseGeneration(gen)
	id := ID{Generation: g, Step: n}
	return id, err == nil && isGeneration && id.String() == name
}

func generation(g uint64) string { return fmt.Sprintf("g%06d", g) }

func parseGeneration(text string) (uint64, bool) {
	digits, ok := strings.CutPrefix(text, "g")
	g, err := strconv.ParseUint(digits, 10, 63)
	return g, ok && err == nil && g > 0 && generation(g) == text
}

func claimName(g uint64) string { return claimPrefix + generation(g) }

func parseClaim(name string) (uint64, bool) {
	rest, ok := strings.CutPrefix(name, claimPrefix)
	g, valid := parseGeneration(rest)
	return g, ok && valid
}

func tempName(g uint64, random string) string { return tempPrefix + generation(g) + "-" + random }

// parseTemp returns the generation in the name of a temporary directory.
func parseTemp(name string) (uint64, bool) {
	rest, ok := strings.CutPrefix(name, tempPrefix)
	gen, random, found := strings.Cut(rest, "-")
	g, valid := parseGeneration(gen)
	return g, ok && found && random != "" && valid
}

func trashName(id ID) string { return trashPrefix + id.String() }

func parseTrash(name string) (ID, bool) { return parsePrefixed(name, trashPrefix) }

func damagedName(id ID) string { return damagedPrefix + id.String() }

func parsePrefixed(name, prefix string) (ID, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	id, valid := ParseID(rest)
	return id, ok && valid
}

// generationIn is the generation that name speaks of, 0 for a name that is not ours.
func generationIn(name string) uint64 {
	if g, ok := parseClaim(name); ok {
		return g
	}
	if g, ok := parseTemp(name); ok {
		return g
	}
	for _, prefix := range []string{"", damagedPrefix, evidencePrefix, trashPrefix} {
		if id, ok := parsePrefixed(name, prefix); ok {
			return id.Generation
		}
	}
	return 0
}

// highest is the highest generation in any of names.
func highest(names []string) (g uint64) {
	for _, name := range names {
		g = max(g, generationIn(name))
	}
	return g
}

// highestClaim is the highest generation that is claimed in names.
func highestClaim(names []string) (g uint64) {
	for _, name := range names {
		claimed, _ := parseClaim(name)
		g = max(g, claimed)
	}
	return g
}

// reserved are the names in a checkpoint that are the store's own.
var reserved = []string{ManifestName, pinName, recordedName}

// maxFileName is the longest name of a file, in bytes: what every file system takes.
const maxFileName = 255

// checkFileName refuses names that could leave the directory, or be another name on another
// system: letters, digits, dots, dashes and underscores are allowed, and no dot in front.
// Capitals are not, because some systems take them for small letters.
func checkFileName(name string) error {
	ok := name != "" && len(name) <= maxFileName && name[0] != '.' && !slices.Contains(reserved, name)
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_')
	}
	base, _, _ := strings.Cut(name, ".")
	if !ok || slices.Contains(devices, base) || strings.HasSuffix(name, ".") {
		return fmt.Errorf("%w: %q: want a-z, 0-9, dots, dashes and underscores, at most %d", ErrName, name, maxFileName)
	}
	return nil
}

// devices are names that Windows keeps for itself, with any extension.
var devices = []string{
	"con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}
