//go:build amd64 || arm64

package runs

// This file reads what strace says, and what the seam has logged, as the same kind of events.

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/oplog"
)

// seamText is a log with the calls that changed something, one per line: their words are divided by tabs.
func seamText(log []oplog.Op) string {
	names := map[string]string{
		"open": "open", "opendirect": "open", "write": "write", "writeat": "write", "writedirect": "write", "copyrange": "write",
		"reserve": "reserve", "truncate": "truncate", "sync": "sync", "syncdir": "sync", "chmod": "chmod", "mkdir": "mkdir",
		"remove": "remove", "rename": "rename", "renamenew": "rename", "exchange": "rename", "link": "link", "symlink": "symlink",
		"lock": "lock", "lockshared": "lock",
	}
	var b strings.Builder
	for _, op := range log {
		name := names[op.Call]
		reads := op.Call == "open" && op.Flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC) == 0
		if name == "" || reads || op.Err != nil && len(op.Data) == 0 {
			continue
		}
		to := ""
		if op.To != "" {
			to = filepath.Join(strings.TrimSuffix(op.Path(), op.Name), op.To)
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%d\n", name, filepath.Clean(op.Path()), to, len(op.Data))
	}
	return b.String()
}

func parseSeam(text string) (events []event) {
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		n, _ := strconv.ParseInt(f[3], 10, 64) // of our own making
		events = append(events, event{f[0], f[1], f[2], n})
	}
	return events
}

var (
	callLine = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+)`)
	fdPath   = regexp.MustCompile(`^(?:\d+|AT_FDCWD)<(.*?)>`)
	quoted   = regexp.MustCompile(`^"((?:[^"\\]|\\.)*)"`)
)

// parseTrace returns the calls in a trace that went well and changed something below dir.
func parseTrace(text, dir string) (events []event, err error) {
	begun := map[string]string{} // by process, a call that another one came in between
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		pid, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimLeft(rest, " ")
		if head, unfinished := strings.CutSuffix(rest, " <unfinished ...>"); unfinished {
			begun[pid] = head
			continue
		}
		if tail, resumed := strings.CutPrefix(rest, "<... "); resumed {
			_, tail, _ = strings.Cut(tail, " resumed>")
			line = pid + " " + begun[pid] + tail
		}
		m := callLine.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(m[4], "-") {
			continue // a signal, an end, or what was refused
		}
		e, err := eventOf(m[2], splitArgs(m[3]), m[4])
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if e.call != "" && strings.HasPrefix(e.path, dir+"/") && e.path != dir+"/seam" {
			events = append(events, e)
		}
	}
	return events, nil
}

// splitArgs divides at commas that are in no string, no <path> and no brackets.
func splitArgs(text string) (args []string) {
	depth, inString, begin := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case strings.IndexByte("<[{(", c) >= 0:
			depth++
		case strings.IndexByte(">]})", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			args = append(args, strings.TrimSpace(text[begin:i]))
			begin = i + 1
		}
	}
	return append(args, strings.TrimSpace(text[begin:]))
}

// pathOf is the path of a descriptor, or of a name that counts from one.
func pathOf(args []string, i int) string {
	m := fdPath.FindStringSubmatch(args[i])
	if m == nil {
		return ""
	}
	dir := strings.TrimSuffix(m[1], " (deleted)")
	if i+1 < len(args) {
		if name := quoted.FindStringSubmatch(args[i+1]); name != nil {
			if filepath.IsAbs(name[1]) {
				return filepath.Clean(name[1])
			}
			return filepath.Join(dir, name[1])
		}
	}
	return dir
}

// eventOf is what a call did; one that only looks is an event without a call.
func eventOf(call string, args []string, result string) (event, error) {
	names := map[string]string{
		"write": "write", "pwrite64": "write", "writev": "write", "pwritev": "write", "pwritev2": "write",
		"fallocate": "reserve", "ftruncate": "truncate", "mkdirat": "mkdir", "unlinkat": "remove",
		"fsync": "sync", "fdatasync": "sync", "fchmod": "chmod", "fchmodat": "chmod",
	}
	switch call {
	case "openat", "openat2":
		if !strings.Contains(args[2], "O_CREAT") && !strings.Contains(args[2], "O_TRUNC") && !strings.Contains(args[2], "O_WRONLY") && !strings.Contains(args[2], "O_RDWR") {
			return event{}, nil
		}
		return event{call: "open", path: pathOf(args, 0)}, nil
	case "renameat", "renameat2":
		return event{call: "rename", path: pathOf(args, 0), to: pathOf(args, 2)}, nil
	case "linkat":
		return event{call: "link", path: pathOf(args, 0), to: pathOf(args, 2)}, nil
	case "flock":
		if strings.Contains(args[1], "LOCK_UN") {
			return event{}, nil
		}
		return event{call: "lock", path: pathOf(args, 0)}, nil
	case "copy_file_range":
		n, err := strconv.ParseInt(result, 10, 64)
		return event{call: "write", path: pathOf(args, 2), n: n}, err
	case "mmap":
		if len(args) < 5 || !strings.Contains(args[2], "PROT_WRITE") || !strings.Contains(args[3], "MAP_SHARED") {
			return event{}, nil
		}
		return event{call: "mmap", path: pathOf(args, 4)}, nil
	case "ioctl":
		if !strings.Contains(args[1], "FICLONE") {
			return event{}, nil
		}
	}
	e := event{call: names[call], path: pathOf(args, 0)}
	if e.call == "" {
		e.call = "strace:" + call // of which the seam has nothing like
		if strings.HasPrefix(args[0], `"`) {
			e.path = strings.Trim(args[0], `"`)
		}
	}
	if e.call == "write" {
		n, err := strconv.ParseInt(result, 10, 64)
		e.n = n
		return e, err
	}
	return e, nil
}

// TestTracesAreRead: also calls that come in between each other, and those that nothing ought to make.
func TestTracesAreRead(t *testing.T) {
	events, err := parseTrace(`12 openat(AT_FDCWD</x>, "/d/a, b", O_RDONLY|O_CLOEXEC) = 3</d/a>
12 openat(7</d/run>, "lock", O_RDWR|O_CREAT|O_CLOEXEC, 0666) = 8</d/run/lock>
12 openat(7</d/run>, "none", O_RDWR|O_CLOEXEC) = -1 ENOENT (No such file or directory)
13 pwrite64(9</d/run/w>, ""..., 4096, 0 <unfinished ...>
12 renameat2(7</d/run>, "t", 7</d/run>, "s", RENAME_NOREPLACE) = 0
13 <... pwrite64 resumed>) = 4096
13 --- SIGURG {si_signo=SIGURG} ---
13 write(1<pipe:[1]>, ""..., 5) = 5
13 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 9</d/run/w>, 0) = 0x7f0000000000
13 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 9</d/run/w>, 0) = 0x7f0000000000
13 unlink("/d/run/w") = 0
13 +++ exited with 0 +++
`, "/d")
	require.NoError(t, err)
	require.Equal(t, []event{
		{call: "open", path: "/d/run/lock"},
		{call: "rename", path: "/d/run/t", to: "/d/run/s"},
		{call: "write", path: "/d/run/w", n: 4096},
		{call: "mmap", path: "/d/run/w"},
		{call: "strace:unlink", path: "/d/run/w"},
	}, events)
}
