package safetensors

// This file puts random files to the reference itself, the Rust crate behind the
// program in .ci/rust, and compares. KIBISIS_RUST names the program's binary.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A rustProgram answers requests in their order. Its protocol is described in
// .ci/rust/src/main.rs.
type rustProgram struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// rustBinary is the program's path. Without one, the test is skipped.
func rustBinary(t *testing.T) string {
	binary := os.Getenv("KIBISIS_RUST")
	if binary == "" {
		t.Skip("KIBISIS_RUST does not name the program of .ci/rust")
	}
	return binary
}

func startRust(t *testing.T, command string) rustProgram {
	cmd := exec.Command(rustBinary(t), command)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	})
	return rustProgram{in, bufio.NewReader(out)}
}

// ask sends frames and calls answer for each, which reads the answer. Frames go
// out on a goroutine of their own, so that neither side waits for the other.
func (p rustProgram) ask(t *testing.T, frames [][]byte, answer func(i int)) {
	sent := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(p.in)
		for _, f := range frames {
			_, _ = w.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(f)))) // Flush reports it
			_, _ = w.Write(f)
		}
		sent <- w.Flush()
	}()
	for i := range frames {
		answer(i)
	}
	require.NoError(t, <-sent)
}

const (
	rustStreams = 4 // of random files, each with a process of the reference of its own
	rustCases   = 1_000_000
	rustBatch   = 1000
)

// The lenient reader takes what the reference takes, with the same tensors, ranges
// and metadata, and refuses the rest for the same reason. The strict reader takes
// all of that but duplicates and the forms that are serde's.
func TestRustReader(t *testing.T) {
	rustBinary(t)
	parts := make([]answers, rustStreams)
	t.Run("streams", func(t *testing.T) {
		for i := range parts {
			t.Run(fmt.Sprintf("seed=%d", i), func(t *testing.T) {
				t.Parallel()
				parts[i] = compareWithRust(t, newHeaderMaker(uint64(i)), rustCases/rustStreams)
			})
		}
	})
	all := answers{}
	for _, part := range parts {
		for word, n := range part {
			all[word] += n
		}
	}
	t.Log(all)
	require.Less(t, all[byChance], rustCases/200)
	for _, variant := range variants {
		require.Positive(t, all["err "+variant], "no file was refused for %s", variant)
	}
	require.Greater(t, all["ok 2"], rustCases/100)
}

// compareWithRust puts n files to the reference and compares.
func compareWithRust(t *testing.T, maker headerMaker, n int) answers {
	p := startRust(t, "verdict")
	seen := answers{}
	files := make([][]byte, rustBatch)
	for range n / rustBatch {
		for i := range files {
			files[i] = maker.file()
		}
		p.ask(t, files, func(i int) {
			line, err := p.out.ReadString('\n')
			require.NoError(t, err)
			want := withoutMessage(line)
			seen[strings.Join(strings.Fields(want + " -")[:2], " ")]++
			got := verdict(t, files[i], &OpenOptions{Lenient: true})
			switch {
			case got == want:
				requireStrict(t, files[i], want)
			case undecided(files[i], got, want):
				seen[byChance]++
			default:
				require.Equal(t, want, got, "lenient, file %q", files[i])
			}
		})
	}
	return seen
}

// A answers counts files by the first two words of the reference's verdict.
type answers map[string]int

// byChance counts files that both refuse, for one of two reasons of which the
// reference sometimes finds the one first and sometimes the other.
const byChance = "by chance"

// String is one line: accepted by the number of tensors, refused by the variant.
func (c answers) String() string {
	sums := map[string]int{}
	lists := map[string][]string{}
	for _, word := range slices.Sorted(maps.Keys(c)) {
		kind, what, _ := strings.Cut(word, " ")
		if word != byChance {
			sums[kind] += c[word]
			lists[kind] = append(lists[kind], fmt.Sprintf("%s: %d", what, c[word]))
		}
	}
	return fmt.Sprintf("%d files; %d accepted, by tensors: %s; %d refused, %d of them %s: %s",
		sums["ok"]+sums["err"], sums["ok"], strings.Join(lists["ok"], ", "),
		sums["err"], c[byChance], byChance, strings.Join(lists["err"], ", "))
}

// Spaces behind the header, which align the data, are nothing to the reference.
func TestRustReadsAlignedFiles(t *testing.T) {
	p := startRust(t, "verdict")
	var files [][]byte
	for align := dataAlign; align <= maxAlign; align *= 2 {
		for _, checksums := range []bool{false, true} {
			files = append(files, encodedWith(t, oldSources(), &WriteOptions{Align: align, Checksums: checksums}))
		}
	}
	p.ask(t, files, func(i int) {
		line, err := p.out.ReadString('\n')
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(line, "ok 3 "), line)
		requireVerdict(t, files[i], withoutMessage(line))
	})
}

// withoutMessage cuts the text of an error off an answer.
func withoutMessage(line string) string {
	line = strings.TrimSuffix(line, "\n")
	if words := strings.Fields(line); words[0] == "err" {
		return strings.Join(words[:2], " ")
	}
	return line
}

// undecided reports whether two refusals differ only because two tensors claim
// one range: which of them the reference looks at first is chance.
func undecided(file []byte, got, want string) bool {
	if !strings.HasPrefix(got, "err ") || !strings.HasPrefix(want, "err ") {
		return false
	}
	h, err := parseHeader(file[lengthBytes:][:binary.LittleEndian.Uint64(file)], true)
	if err != nil {
		return false
	}
	ranges := map[[2]uint64]bool{}
	for _, e := range h.entries {
		at := [2]uint64{e.begin, e.end}
		if ranges[at] {
			return true
		}
		ranges[at] = true
	}
	return false
}

// Encode writes the bytes of the reference, or refuses what it refuses.
func TestRustWriter(t *testing.T) {
	p := startRust(t, "write")
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		descriptions := make([]description, rustBatch)
		frames := make([][]byte, rustBatch)
		for i := range frames {
			descriptions[i] = anyDescription(rng)
			frames[i] = descriptions[i].frame()
		}
		p.ask(t, frames, func(i int) {
			status, err := p.out.ReadByte()
			require.NoError(t, err)
			var length [4]byte
			_, err = io.ReadFull(p.out, length[:])
			require.NoError(t, err)
			want := make([]byte, binary.LittleEndian.Uint32(length[:]))
			_, err = io.ReadFull(p.out, want)
			require.NoError(t, err)

			var w writeBuffer
			d := descriptions[i]
			err = Encode(&w, d.src, &WriteOptions{Metadata: d.metadata})
			if status != 0 {
				require.Error(t, err, "the reference refuses: %s", want)
				return
			}
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, w), "%q\n%q", want, w)
		})
	}
}

// A description is what a file is to hold.
type description struct {
	metadata map[string]string
	src      []Source
}

// anyDescription is of any tensors and at most one metadata key, without which
// the reference's order is chance. It has no name twice and is never empty with
// empty metadata: there the reference panics, or writes what nobody can read.
func anyDescription(rng *rand.Rand) description {
	names := []string{"a", "b", "B", "aa", "", "é", "e\u0301", "\U0001f600", "\uffff", `"`, `\`, "/", "\x00", "\x1f", "\x7f", "\b\f\n\r\t", "\u2028", "<&>", "layers.0.weight", "layers.10.weight"}
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var d description
	for _, name := range names[:rng.IntN(10)] {
		dtype := DType(1 + rng.IntN(int(U64)))
		n := []int{0, 1, 2, 3, 4, 8, 17}[rng.IntN(7)]
		shape := [][]int{nil, {n}, {1, n}, {n, 1, 1}, {2, n}}[rng.IntN(5)]
		data := make([]byte, product(shape)*dtype.Bits()/8)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		if rng.IntN(200) == 0 {
			data = append(data, 0)
		}
		d.src = append(d.src, Source{Name: name, DType: dtype, Shape: shape, Data: data})
	}
	switch rng.IntN(3) {
	case 0:
		d.metadata = map[string]string{names[len(names)-1]: names[0]}
	case 1:
		if len(d.src) > 0 {
			d.metadata = map[string]string{}
		}
	}
	return d
}

func (d description) frame() []byte {
	u32, u64 := binary.LittleEndian.AppendUint32, binary.LittleEndian.AppendUint64
	text := func(b []byte, s string) []byte { return append(u32(b, uint32(len(s))), s...) }
	var b []byte
	if d.metadata == nil {
		b = u32(b, 0xffffffff)
	} else {
		b = u32(b, uint32(len(d.metadata)))
	}
	for key, value := range d.metadata {
		b = text(text(b, key), value)
	}
	b = u32(b, uint32(len(d.src)))
	for _, s := range d.src {
		b = text(text(b, s.Name), s.DType.String())
		b = u32(b, uint32(len(s.Shape)))
		for _, dim := range s.Shape {
			b = u64(b, uint64(dim))
		}
		b = append(u64(b, uint64(len(s.Data))), s.Data...)
	}
	return b
}
