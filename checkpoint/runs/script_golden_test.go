package runs

// This file makes and keeps testdata/golden-v1, a run of format 1. It is never made anew: a later format
// gets one of its own beside it. UPDATE_GOLDEN=1 makes it, by testdata/golden.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/crc64nvme"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/provenance"
)

// goldenProvenance is what made it.
var goldenProvenance = provenance.Provenance{
	Program: "example.com/golden", Go: "go1.26", OS: "linux", Arch: "amd64", Host: "golden", Threads: 1,
}

func TestMakeGolden(t *testing.T) {
	if os.Getenv("UPDATE_GOLDEN") == "" {
		t.Skip("UPDATE_GOLDEN=1 makes testdata/golden-v1")
	}
	runScripts(t, filepath.Join("testdata", "golden"))
}

// makeGolden leaves out the lock, and has claims be those of process 1 on a host called golden.
func makeGolden(ts *testscript.TestScript, args []string) (string, error) {
	a := flags(ts, args, 2, noFlags)
	from, to := ts.MkAbs(a[0]), ts.MkAbs(a[1])
	if err := os.RemoveAll(to); err != nil {
		return "", err
	}
	return "", filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		copied := filepath.Join(to, strings.TrimPrefix(name, from))
		if e.IsDir() {
			return os.MkdirAll(copied, 0o777)
		}
		b, err := os.ReadFile(name)
		if err == nil && strings.HasPrefix(e.Name(), "writer-") {
			b, err = anonymous(b)
		}
		if err != nil || e.Name() == "lock" {
			return err
		}
		return os.WriteFile(copied, b, 0o666)
	})
}

// anonymous is a claim: a line of JSON, and one with its checksum.
func anonymous(claim []byte) ([]byte, error) {
	text, _, _ := bytes.Cut(claim, []byte("\n"))
	var h map[string]json.RawMessage
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, err
	}
	h["pid"], h["host"], h["since"] = json.RawMessage(`1`), json.RawMessage(`"golden"`), json.RawMessage(`"2026-01-02T05:04:05Z"`)
	text, err := json.Marshal(h)
	return fmt.Appendf(text, "\n%016x\n", crc64nvme.Checksum(text)), err
}
