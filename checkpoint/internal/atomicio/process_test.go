package atomicio

// These tests run a second, real process: this test binary, started again.

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// childTarget names the variable that turns the test binary into a writer of that path.
const childTarget = "ATOMICIO_TEST_CHILD_TARGET"

func TestMain(m *testing.M) {
	if path := os.Getenv(childTarget); path != "" {
		writeAndWait(path)
		return
	}
	os.Exit(m.Run())
}

// writeAndWait writes half a file, says so, and commits when its input ends.
func writeAndWait(path string) {
	f, err := Create(path, nil)
	if err == nil {
		_, err = f.Write([]byte("child"))
	}
	fmt.Println("ready", err)
	_, _ = io.ReadAll(os.Stdin)
	fmt.Println("done", f.Commit())
}

type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

func startChild(t *testing.T, path string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childTarget+"="+path)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c := &child{cmd, in, bufio.NewReader(out)}
	require.Equal(t, "ready <nil>", c.line(t))
	return c
}

func (c *child) line(t *testing.T) string {
	t.Helper()
	s, err := c.out.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(s)
}

func TestTemporaryOfAKilledProcessIsRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	c := startChild(t, path)
	require.NoError(t, c.cmd.Process.Kill())
	_ = c.cmd.Wait() // says that it was killed
	require.Len(t, list(t, dir), 1, "the kill left a temporary")
	require.NoError(t, save(path, "new", nil))
	requireNames(t, dir, "m")
	require.Equal(t, "new", read(t, path))
}

func TestTemporaryOfALivingProcessStays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	c := startChild(t, path)
	for range 5 {
		require.NoError(t, save(path, "new", nil))
		require.Len(t, list(t, dir), 2)
	}
	require.NoError(t, c.stdin.Close())
	require.Equal(t, "done <nil>", c.line(t))
	require.Equal(t, "child", read(t, path))
	requireNames(t, dir, "m")
}

func list(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	return entries
}
