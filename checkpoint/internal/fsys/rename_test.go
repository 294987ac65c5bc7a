//go:build unix

package fsys

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRenameInStepsReplacesNothing: what stands in where the system has no such call gives
// the same answers.
func TestRenameInStepsReplacesNothing(t *testing.T) {
	for name, rename := range map[string]func(oldname, newname string) error{
		"one call": OS.RenameNew,
		"in steps": func(oldname, newname string) error { return renameInSteps(OS, oldname, newname) },
	} {
		t.Run(name, func(t *testing.T) {
			at := func(name string) string { return filepath.Join(t.TempDir(), name) }
			file, other, dir, empty := at("file"), at("other"), at("dir"), at("empty")
			require.NoError(t, os.WriteFile(file, []byte("file"), 0o600))
			require.NoError(t, os.WriteFile(other, []byte("other"), 0o600))
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.Mkdir(empty, 0o700))
			for _, old := range []string{file, dir} {
				for _, taken := range []string{other, empty, old} {
					require.ErrorIs(t, rename(old, taken), os.ErrExist)
				}
				require.ErrorIs(t, rename(old+"none", old+"new"), os.ErrNotExist)
				require.NoError(t, rename(old, old+"new"))
				require.NoFileExists(t, old)
			}
			got, err := os.ReadFile(file + "new")
			require.NoError(t, err)
			require.Equal(t, "file", string(got))
			require.DirExists(t, dir+"new")
		})
	}
}
