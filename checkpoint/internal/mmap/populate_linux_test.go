package mmap

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestKernelFetchesAnyPart: the kernel refuses ranges that do not begin on a page, and
// touching instead would hide that.
func TestKernelFetchesAnyPart(t *testing.T) {
	b := open(t, fileOf(t, pattern(3*os.Getpagesize())), false).Bytes()
	if madvise(b, unix.MADV_POPULATE_READ) != nil {
		t.Skip("this kernel does not know MADV_POPULATE_READ (Linux 5.14)")
	}
	require.NoError(t, madvise(b[5:10], unix.MADV_POPULATE_READ))
	require.NoError(t, madvise(b[len(b)-1:], unix.MADV_POPULATE_READ))
}
