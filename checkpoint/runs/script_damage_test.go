package runs

// This file is what scripts do to a run from outside the program.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/minio/crc64nvme"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

func silent(o Options) *Options {
	o.Log = slog.New(slog.DiscardHandler)
	return &o
}

func listRun(ts *testscript.TestScript, args []string) (string, error) {
	r, err := Open(ts.MkAbs(flags(ts, args, 1, noFlags)[0]), silent(Options{ReadOnly: true}))
	if err != nil {
		return "", err
	}
	list, err := r.Checkpoints()
	return tableOf(list), errors.Join(err, r.Close())
}

// tableOf has a line for each checkpoint: its name, and what there is to say of it.
func tableOf(list []Checkpoint) string {
	var b strings.Builder
	for _, c := range list {
		b.WriteString(c.ID)
		if c.Kind != "" {
			b.WriteString(" " + c.Kind)
		}
		if v, ok := c.Metrics["val"]; ok {
			fmt.Fprintf(&b, " val=%v", v)
		}
		for _, pin := range c.Pins {
			b.WriteString(" pinned=" + pin)
		}
		if c.RestoredFrom != "" {
			b.WriteString(" from=" + c.RestoredFrom)
		}
		b.WriteString(standing(c))
		b.WriteString("\n")
	}
	return b.String()
}

// standing is what the run makes of a checkpoint.
func standing(c Checkpoint) string {
	switch {
	case errors.Is(c.Err, ErrDamaged):
		return " damaged"
	case errors.Is(c.Err, ErrNewerFormat):
		return " newer-format"
	case errors.Is(c.Err, ErrForeign):
		return " foreign"
	case c.Head:
		return " head"
	case c.Abandoned:
		return " abandoned"
	}
	return ""
}

// outside opens a run as a tool does that is not the training program.
func outside(ts *testscript.TestScript, path string, do func(*Run) error) error {
	r, err := Open(ts.MkAbs(path), silent(Options{ReadOnly: true}))
	if err != nil {
		return err
	}
	return errors.Join(do(r), r.Close())
}

func pinStep(ts *testscript.TestScript, args []string) (string, error) {
	a := flags(ts, args, 3, noFlags)
	return "", outside(ts, a[0], func(r *Run) error { return r.Pin(AtStep(integer(ts, a[1])), a[2]) })
}

func unpinName(ts *testscript.TestScript, args []string) (string, error) {
	a := flags(ts, args, 2, noFlags)
	return "", outside(ts, a[0], func(r *Run) error { return r.Unpin(a[1]) })
}

// recordMetric needs a run that is open for writing.
func recordMetric(ts *testscript.TestScript, args []string) (string, error) {
	a := flags(ts, args, 3, noFlags)
	name, text, _ := strings.Cut(a[2], "=")
	value, err := strconv.ParseFloat(text, 64)
	ts.Check(err)
	r, err := Open(ts.MkAbs(a[0]), silent(Options{}))
	if err != nil {
		return "", err
	}
	return "", errors.Join(r.Record(integer(ts, a[1]), Metrics{name: value}), r.Close())
}

// pruneRun says what it deletes, or would.
func pruneRun(ts *testscript.TestScript, args []string) (string, error) {
	dry, o := false, Options{}
	path := flags(ts, args, 1, func(set *flag.FlagSet) {
		set.BoolVar(&dry, "dry", false, "only say what would go")
		set.IntVar(&o.KeepLast, "keep", 0, "how many stay")
	})[0]
	r, err := Open(ts.MkAbs(path), silent(o))
	if err != nil {
		return "", err
	}
	list, err := r.Prune(context.Background(), dry)
	var b strings.Builder
	for _, d := range list {
		word := "keep"
		if d.Delete {
			word = "delete"
		}
		fmt.Fprintln(&b, word, d.ID)
	}
	return b.String(), errors.Join(err, r.Close())
}

func cutFile(ts *testscript.TestScript, args []string) (string, error) {
	a := flags(ts, args, 2, noFlags)
	return "", os.Truncate(ts.MkAbs(a[0]), integer(ts, a[1]))
}

// flipBit counts negative bits from the end.
func flipBit(ts *testscript.TestScript, args []string) (string, error) {
	if len(args) != 2 {
		ts.Fatalf("want a file and a bit")
	}
	file, bit := ts.MkAbs(args[0]), integer(ts, args[1])
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if bit < 0 {
		bit += int64(len(b)) * 8
	}
	b[bit/8] ^= 1 << (bit % 8)
	return "", os.WriteFile(file, b, 0o666)
}

var formatMember = regexp.MustCompile(`"format": \d+`)

// setFormat rewrites the number and the digest, which is of all bytes before it.
func setFormat(ts *testscript.TestScript, args []string) (string, error) {
	a := flags(ts, args, 2, noFlags)
	b, err := os.ReadFile(ts.MkAbs(a[0]))
	if err != nil {
		return "", err
	}
	body, _, ok := bytes.Cut(b, []byte(",\n  \"sha256\""))
	if !ok {
		ts.Fatalf("%s has no digest", a[0])
	}
	body = formatMember.ReplaceAll(body, []byte(`"format": `+a[1]))
	text := fmt.Sprintf("%s,\n  \"sha256\": \"%x\"\n}\n", body, sha256.Sum256(body))
	return "", os.WriteFile(ts.MkAbs(a[0]), []byte(text), 0o666)
}

// A mappedFile is what a script holds open.
type mappedFile struct {
	f   *safetensors.File
	sum uint64
}

// mapKey is where a script has its map.
type mapKey struct{}

func mapFile(ts *testscript.TestScript, args []string) (string, error) {
	f, err := safetensors.Open(ts.MkAbs(flags(ts, args, 1, noFlags)[0]), nil)
	if err != nil {
		return "", err
	}
	ts.Defer(func() { ts.Check(f.Close()) })
	sum, err := sumOfFile(f)
	*ts.Value(mapKey{}).(*mappedFile) = mappedFile{f, sum}
	return "", err
}

// checkMapped reads every byte of the map again.
func checkMapped(ts *testscript.TestScript, _ []string) (string, error) {
	m := ts.Value(mapKey{}).(*mappedFile)
	now, err := sumOfFile(m.f)
	if err == nil && now != m.sum {
		err = fmt.Errorf("the bytes sum to %x, they did to %x", now, m.sum)
	}
	return "", err
}

func sumOfFile(f *safetensors.File) (uint64, error) {
	h := crc64nvme.New()
	for name, t := range f.All() {
		if !t.Mapped() {
			return 0, fmt.Errorf("%s is not mapped", name)
		}
		b, err := t.Bytes()
		if err != nil {
			return 0, err
		}
		_, _ = h.Write(b) // a hash never fails
	}
	return h.Sum64(), nil
}
