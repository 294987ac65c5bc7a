//go:build !purego && !race && !msan && !asan

package kernel

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/cpu"
)

// TestAssemblyCanBeSwitchedOff runs itself once more with the environment that does.
func TestAssemblyCanBeSwitchedOff(t *testing.T) {
	if os.Getenv("KIBISIS_NOASM") == "1" {
		require.Equal(t, "none", Assembly())
		return
	}
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		require.Equal(t, "none", Assembly())
		return
	}
	require.Equal(t, "avx2", Assembly())
	program, err := os.Executable()
	require.NoError(t, err)
	again := exec.Command(program, "-test.run=^TestAssemblyCanBeSwitchedOff$", "-test.v")
	again.Env = append(os.Environ(), "KIBISIS_NOASM=1")
	output, err := again.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS: TestAssemblyCanBeSwitchedOff")
}
