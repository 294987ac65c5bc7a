package atomicio

// These tests copy ranges of other files into one in the making.

import (
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestCopyRangeCountsAsWritten: the size is what writes and copies make it, in any order.
func TestCopyRangeCountsAsWritten(t *testing.T) {
	d := diskWith(oldText)
	p := d.Process()
	d.WriteFile("from", []byte("0123456789"))
	from, err := p.OpenFile("from", os.O_RDONLY, 0)
	require.NoError(t, err)
	f, err := Create("m", &Options{FS: p, Size: 9})
	require.NoError(t, err)
	require.NoError(t, f.CopyRange(5, from, 2, 4))
	_, err = f.Write([]byte("abc"))
	require.NoError(t, err, "Write goes on where it was")
	require.NoError(t, f.CopyRange(3, from, 9, 1))
	require.NoError(t, f.Commit())
	require.Equal(t, "abc9\x002345", visible(t, d))
	require.ErrorIs(t, f.CopyRange(0, from, 0, 1), os.ErrClosed)
}

// TestCopyRangeThatFails: the file cannot be committed, whose fault it may have been.
func TestCopyRangeThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		fault faulty.Fault
		src   io.ReaderAt
		want  error
	}{
		"the disk":  {faulty.Fault{Op: "copyrange", Err: syscall.ENOSPC}, strings.NewReader("abcd"), syscall.ENOSPC},
		"too short": {faulty.Fault{Call: 1000}, strings.NewReader("abc"), io.ErrUnexpectedEOF},
	} {
		d := diskWith(oldText)
		p := d.Process()
		p.Inject(c.fault)
		f, err := Create("m", &Options{FS: p})
		require.NoError(t, err, name)
		err = f.CopyRange(2, c.src, 0, 4)
		require.ErrorIs(t, err, c.want, name)
		require.ErrorContains(t, err, `write "m": copy 4 bytes to byte 2`)
		require.ErrorIs(t, f.CopyRange(0, c.src, 0, 1), c.want, name)
		require.ErrorIs(t, f.Commit(), c.want, name)
		require.Equal(t, oldText, visible(t, d))
		require.Equal(t, []string{"m"}, d.Names("/"))
	}
}
