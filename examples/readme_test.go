package examples

// This file compiles every Go snippet of the project's pages, and runs those that
// are whole programs.

import (
	"encoding/json"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// imports are the packages that a fragment may name without importing them.
var imports = map[string]string{
	"checkpoint":  "github.com/fb777929/kibisis/checkpoint",
	"context":     "context",
	"fmt":         "fmt",
	"gorgonia":    "gorgonia.org/gorgonia",
	"io":          "io",
	"nn":          "github.com/fb777929/kibisis/nn",
	"optim":       "github.com/fb777929/kibisis/nn/optim",
	"rand":        "math/rand/v2",
	"runs":        "github.com/fb777929/kibisis/checkpoint/runs",
	"safetensors": "github.com/fb777929/kibisis/checkpoint/safetensors",
	"tensor":      "gorgonia.org/tensor",
}

var (
	fence    = regexp.MustCompile("(?ms)^```go\n(.*?)^```")
	prints   = regexp.MustCompile("It prints `([^`]*)`")
	declared = regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) :=`)
	named    = regexp.MustCompile(`\b([a-z]+)\.`)
)

func TestSnippets(t *testing.T) {
	for _, page := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "examples/README.md", "bench/README.md", "testdata/README.md"} {
		text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(page)))
		require.NoError(t, err)
		for i, block := range fence.FindAllStringSubmatchIndex(string(text), -1) {
			snippet, after := string(text)[block[2]:block[3]], string(text)[block[1]:]
			t.Run(fmt.Sprintf("%s/%d", page, i+1), func(t *testing.T) {
				formatted, err := format.Source([]byte(snippet))
				require.NoError(t, err)
				require.Equal(t, string(formatted), snippet, "not as gofmt writes it")
				if strings.HasPrefix(snippet, "package main") {
					runs(t, snippet, after)
				} else {
					compiles(t, fragment(snippet))
				}
			})
		}
	}
}

// runs compiles a program and runs it in an empty folder. What the page says
// that it prints, it must print.
func runs(t *testing.T, program, after string) {
	cmd := exec.Command(compiles(t, program))
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	want := prints.FindStringSubmatch(after)
	require.NotNil(t, want, "the page does not say what the program prints")
	require.Equal(t, want[1]+"\n", string(out))
}

// compiles builds a program as if it lay in this module, and returns its path.
func compiles(t *testing.T, program string) string {
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(source, []byte(program), 0o600))
	here, err := filepath.Abs("snippet")
	require.NoError(t, err)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "main.go"): source}})
	require.NoError(t, err)
	config := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(config, overlay, 0o600))
	binary := filepath.Join(dir, "snippet.exe")
	out, err := exec.Command("go", "build", "-overlay", config, "-o", binary, "./snippet").CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, program)
	return binary
}

// surroundings are what statements may use beside a context, a model, a reader and data.
const surroundings = `
var (
	solver       gorgonia.Solver
	learnables   []gorgonia.ValueGrad
	pcg          *rand.PCG
	position     struct{ Epoch, Next int64 }
	total        int64
	trainOneStep func() (loss float64, err error)
	run          *runs.Run
)
`

// fragment makes a program of statements.
func fragment(statements string) string {
	var b strings.Builder
	b.WriteString("package main\n\n")
	var used []string
	for _, m := range named.FindAllStringSubmatch(statements, -1) {
		used = append(used, m[1])
	}
	for name, path := range imports {
		if slices.Contains(append(used, "checkpoint", "context", "gorgonia", "io", "rand", "runs"), name) {
			fmt.Fprintf(&b, "import %q\n", path)
		}
	}
	b.WriteString(surroundings)
	fmt.Fprintf(&b, "\nfunc main() {}\n\nfunc _(ctx context.Context, model checkpoint.Model, reader io.Reader, data []byte) error {\n%s", statements)
	for _, m := range declared.FindAllStringSubmatch(statements, -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			fmt.Fprintf(&b, "_ = %s\n", strings.TrimSpace(name))
		}
	}
	b.WriteString("return nil\n}\n")
	return b.String()
}
