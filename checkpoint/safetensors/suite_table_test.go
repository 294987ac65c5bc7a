package safetensors

// This file holds the table of the reference's tests in testdata/README.md against
// the tests that there are.

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	testDeclared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	// A test as the table names it: with its package, and a vector behind TestVectors.
	testNamed = regexp.MustCompile("`(?:([a-z]+)\\.)?((?:Test|Fuzz|Example)\\w*)(?:/([^`]*))?`")
)

// declaredTests are the tests of every package under checkpoint, as package.Name.
// Packages are told apart by the last part of their path.
func declaredTests(t *testing.T) map[string]bool {
	all := map[string]bool{}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testDeclared.FindAllSubmatch(text, -1) {
			all[filepath.Base(filepath.Dir(path))+"."+string(m[1])] = true
		}
		return err
	}))
	return all
}

func TestTwinsExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(goldenDir, "README.md"))
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n## The reference's tests, and ours\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	declared := declaredTests(t)
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || cells[0] == " theirs " {
			continue
		}
		rows++
		require.Len(t, cells, 2, line)
		named := testNamed.FindAllStringSubmatch(cells[1], -1)
		require.True(t, len(named) > 0 || strings.HasPrefix(cells[1], " none: "), "neither a test nor a reason: %s", line)
		for _, m := range named {
			requireTest(t, declared, m[1], m[2], m[3])
		}
	}
	require.Greater(t, rows, 80)
}

// requireTest requires that a test of the table exists, and the vector behind it.
func requireTest(t *testing.T, declared map[string]bool, pkg, name, vector string) {
	t.Helper()
	if pkg == "" {
		pkg = "safetensors"
	}
	require.True(t, declared[pkg+"."+name], "there is no %s.%s", pkg, name)
	if vector != "" {
		require.Equal(t, "TestVectors", name)
		require.FileExists(t, filepath.Join(goldenDir, "vectors", filepath.FromSlash(vector)+".txt"))
	}
}
