package checkpoint

// These tests save in real processes, which are killed, run out of room, or save over
// what another one reads. The processes are this test binary, started again.

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// childJob names the variable that turns the test binary into a saver: what to do and
// where.
const childJob = "KIBISIS_CHECKPOINT_TEST_CHILD"

func TestMain(m *testing.M) {
	if job, path, ok := strings.Cut(os.Getenv(childJob), ":"); ok {
		childJobs[job](path)
		return
	}
	os.Exit(m.Run())
}

var childJobs = map[string]func(path string){
	"save for ever":        func(path string) { saveForEver(path, saveOne) },
	"save shards for ever": func(path string) { saveForEver(path, saveTwoShards) },
	"run full":             saveWithoutRoom,
}

// child starts a process that does a job.
func child(t *testing.T, job, path string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childJob+"="+job+":"+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewReader(out)
}

// version is a model that is the same number everywhere, so that a mixture of two
// versions is seen.
func version(v float32) Model {
	m := map[string]*tensor.Dense{}
	for i := range 4 {
		d := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(100_000*i+1))
		if err := d.Memset(v); err != nil {
			panic(err)
		}
		m[fmt.Sprint("p", i)] = d
	}
	return FromValues(m)
}

// versionOf requires that the file is one whole version, and returns which.
func versionOf(t *testing.T, path string) float32 {
	t.Helper()
	f, err := safetensors.Open(path, nil)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, 4, f.Len())
	version := float32sOf(t, f, "p0")[0]
	for name, x := range f.All() {
		stored, err := x.Verify()
		require.NoError(t, err)
		require.True(t, stored)
		numbers := float32sOf(t, f, name)
		require.True(t, allAre(numbers, version), name)
	}
	return version
}

func allAre(numbers []float32, x float32) bool {
	return !slices.ContainsFunc(numbers, func(got float32) bool { return got != x })
}

// saveOne and saveTwoShards write a version to path.
func saveOne(path string, m Model, o SaveOptions) error {
	return SaveModel(context.Background(), path, m, &o)
}

func saveTwoShards(path string, m Model, o SaveOptions) error {
	return SaveShards(context.Background(), path, m, &ShardOptions{SaveOptions: o, MaxSize: 1_200_012})
}

func saveForEver(path string, save func(string, Model, SaveOptions) error) {
	for v := 1; ; v++ {
		o := SaveOptions{Checksums: true, NoSync: v%2 == 0, Metadata: map[string]string{"version": strconv.Itoa(v)}}
		if err := save(path, version(float32(v)), o); err != nil {
			panic(err)
		}
		fmt.Println("saved", v)
	}
}

// TestKilledSavers: whenever a saver is killed, the file is there, whole, and no older
// than the last save that it reported.
func TestKilledSavers(t *testing.T) {
	killSavers(t, "save for ever", saveOne)
}

func TestKilledSaversOfShards(t *testing.T) {
	skipWithoutExchange(t)
	path := killSavers(t, "save shards for ever", saveTwoShards)
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	require.Len(t, entries, 3, "two shards and an index")
}

// killSavers kills savers of one path, and returns it when the last one may finish.
func killSavers(t *testing.T, job string, save func(string, Model, SaveOptions) error) string {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	rng := rand.New(rand.NewPCG(1, 2))
	left := 0
	for range 25 {
		cmd, out := child(t, job, path)
		_, err := out.ReadString('\n') // it is under way
		require.NoError(t, err)
		go func() {
			time.Sleep(time.Duration(rng.IntN(20_000)) * time.Microsecond)
			_ = cmd.Process.Kill()
		}()
		reported := 1
		for {
			line, err := out.ReadString('\n')
			if err != nil {
				break // killed
			}
			_, err = fmt.Sscanf(line, "saved %d", &reported)
			require.NoError(t, err)
		}
		_ = cmd.Wait() // says that it was killed
		got := versionOf(t, path)
		require.GreaterOrEqual(t, got, float32(reported))
		require.LessOrEqual(t, got, float32(reported+1))
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.LessOrEqual(t, len(entries), 2, "each saver cleans up after the last one")
		left += len(entries) - 1
	}
	t.Logf("%d of 25 kills left a temporary file", left)
	require.NoError(t, save(path, version(9), SaveOptions{Checksums: true}))
	onlyFileIn(t, dir, "model.safetensors")
	require.Equal(t, float32(9), versionOf(t, path))
	return path
}

// A full disk leaves the old file, and nothing else.
func TestSaveWithoutRoom(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a limit for the size of files")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	require.NoError(t, SaveModel(t.Context(), path, version(1), &SaveOptions{Checksums: true}))
	cmd, out := child(t, "run full", path)
	for _, checksums := range []string{"false", "true"} {
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, checksums+": checkpoint: save: ")
		require.Contains(t, line, "file too large")
		require.Contains(t, line, path)
	}
	require.NoError(t, cmd.Wait())
	require.Equal(t, float32(1), versionOf(t, path))
	onlyFileIn(t, dir, "model.safetensors")
}

// Views of a mapped file stay good when its name gets another file.
func TestSaveOverAMappedFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is mapped cannot be replaced there: see the package comment")
	}
	path := saved(t, version(1), &SaveOptions{Checksums: true})
	f := openPath(t, path)
	x, err := f.Tensor("p3")
	require.NoError(t, err)
	old, err := safetensors.As[float32](x)
	require.NoError(t, err)
	require.True(t, old.Mapped())
	require.NoError(t, SaveModel(t.Context(), path, version(2), &SaveOptions{Checksums: true}))
	require.Equal(t, float32(2), versionOf(t, path))
	require.True(t, allAre(old.Data(), 1))
	// Loading from the open file gives the old numbers, whole.
	m := version(0)
	mustLoad(t, f, m, nil)
	for _, v := range m.StateDict() {
		require.Equal(t, float32(1), v.Value().Data().([]float32)[0])
	}
}

func TestSaveKeepsModeAndLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs the modes of Unix")
	}
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.safetensors"), filepath.Join(dir, "model.safetensors")
	require.NoError(t, os.WriteFile(real, []byte("old"), 0o600))
	require.NoError(t, os.Chmod(real, 0o640))
	require.NoError(t, os.Symlink("real.safetensors", link))
	require.NoError(t, SaveModel(t.Context(), link, version(3), &SaveOptions{Checksums: true}))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	info, err = os.Stat(real)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
	require.Equal(t, float32(3), versionOf(t, real))
	onlyFileIn(t, dir, "model.safetensors", "real.safetensors")
}
