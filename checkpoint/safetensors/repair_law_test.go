package safetensors

// This file damages files in the ways that Repair mends, and states what holds for
// every input.

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// A damager makes files that hold the same as a right one, and are wrong.
type damager struct {
	headerMaker
	src      []Source
	metadata map[string]string
	members  []string // of the header
	data     []byte
	done     map[string]bool
}

// damages that were done to a file, with what the report must say of each.
var damages = map[string]string{
	"padding before": "before the object", "padding behind": "behind the object",
	"duplicate": "stands again in the header", "hole": "only tensors had these bytes",
	"list": "the entry is a list", "dtype object": "the dtype is an object",
	"key": "stands again in the metadata", "empty metadata": "the metadata is empty",
	"checksum": "a tensor that is not there", "behind": "what is behind them",
}

// damage makes tensors and metadata, and a file of them with some damages.
func damage(seed uint64) *damager {
	d := &damager{headerMaker: newHeaderMaker(seed), done: map[string]bool{}}
	for i := range d.IntN(6) {
		d.src = append(d.src, d.source(i))
	}
	if d.chance(60) {
		d.metadata = map[string]string{}
		for range d.IntN(3) {
			d.metadata[pick(d.headerMaker, "format", "k", "é\n", "")] = pick(d.headerMaker, "pt", "", "\x00\"")
		}
	}
	d.tensors()
	d.metadataMember()
	if d.chance(30) {
		d.did("behind")
		d.data = append(d.data, counted(1+d.IntN(9))...)
	}
	return d
}

func (d *damager) did(what string) { d.done[what] = true }

func (d *damager) source(i int) Source {
	t, n := DType(1+d.IntN(int(U64))), pick(d.headerMaker, 0, 4, 8, 40)
	name := fmt.Sprintf("%s%d", pick(d.headerMaker, "a", "z", "\n\"", "é", "layers."), i)
	data := make([]byte, n*t.Bits()/8)
	for k := range data {
		data[k] = byte(d.Uint32())
	}
	return Source{Name: name, DType: t, Shape: pick(d.headerMaker, []int{n}, []int{1, n}, []int{n, 1}), Data: data}
}

// tensors lays the tensors out, in the right order or another.
func (d *damager) tensors() {
	order := slices.Clone(d.src)
	if d.chance(40) {
		d.Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
	}
	for _, s := range order {
		for d.chance(15) {
			d.lost(s.Name)
		}
		d.members = append(d.members, d.member(s, len(d.data)))
		d.data = append(d.data, s.Data...)
	}
}

// lost adds an entry that a later one of its name replaces: with bytes of its own, or
// with a range that is anything.
func (d *damager) lost(name string) {
	d.did("duplicate")
	s := d.source(0)
	s.Name = name
	if d.chance(60) {
		d.members = append(d.members, d.member(s, len(d.data)))
		d.data = append(d.data, s.Data...)
		if len(s.Data) > 0 {
			d.did("hole")
		}
		return
	}
	d.members = append(d.members, d.member(s, 1_000_000+d.IntN(99)))
}

// member is a tensor in one of the forms that there are.
func (d *damager) member(s Source, begin int) string {
	shape, _ := json.Marshal(s.Shape)
	dtype, offsets := fmt.Sprintf("%q", s.DType), fmt.Sprintf("[%d,%d]", begin, begin+len(s.Data))
	if d.chance(8) {
		d.did("dtype object")
		dtype = "{" + dtype + ": null}"
	}
	value := fmt.Sprintf(`{"dtype":%s,"shape":%s,"data_offsets":%s}`, dtype, shape, offsets)
	switch {
	case d.chance(8):
		d.did("list")
		value = fmt.Sprintf(`[%s,%s,%s]`, dtype, shape, offsets)
	case d.chance(8):
		value = fmt.Sprintf(`{"shape": %s,"x":[{}],"data_offsets":%s,"dtype":%s}`, shape, offsets, dtype)
	}
	return d.quoted(s.Name) + ":" + value
}

// quoted spells a string with more escapes than it needs.
func (d *damager) quoted(s string) string {
	text, _ := json.Marshal(s)
	if d.chance(10) {
		return strings.Replace(string(text), "a", `\u0061`, 1)
	}
	return string(text)
}

func (d *damager) metadataMember() {
	if d.metadata == nil {
		return
	}
	var pairs []string
	for key, value := range d.metadata {
		if d.chance(20) {
			d.did("key")
			pairs = append(pairs, d.quoted(key)+":"+d.quoted("before "+value))
		}
		pairs = append(pairs, d.quoted(key)+":"+d.quoted(value))
	}
	if d.chance(20) {
		d.did("checksum")
		pairs = append(pairs, `"kibisis.crc64nvme.gone":"0"`)
	}
	if len(pairs) == 0 {
		d.did("empty metadata")
		d.metadata = nil
	}
	d.members = slices.Insert(d.members, d.IntN(len(d.members)+1), `"__metadata__":{`+strings.Join(pairs, ",")+"}")
}

// file is the file with its damages.
func (d *damager) file() []byte {
	text := "{" + strings.Join(d.members, pick(d.headerMaker, ",", ",", ", ")) + "}"
	if len(d.src) == 0 && len(d.members) == 1 && d.chance(50) {
		text = "{}," + text[1:] // as the reference does
	}
	if d.chance(20) {
		d.did("padding before")
		text = d.padding() + text
	}
	if d.chance(30) {
		d.did("padding behind")
		text += d.padding()
	}
	if d.chance(50) {
		text = aligned(text)
	}
	return frame(text, d.data)
}

func (d *damager) padding() string {
	return d.space() + strings.Repeat(pick(d.headerMaker, "\x00", "\ufeff", "\u00a0", "\xa0", "\f", "\v", "\u2003", "\x1a"), 1+d.IntN(9)) + d.space()
}

const damagedFiles = 600

// Whatever was done to a file, Repair gives what Encode gives of the tensors and the
// metadata that were meant, and says what it has mended.
func TestRepairGivesTheBytesOfEncode(t *testing.T) {
	seen := map[string]int{}
	same := 0
	for seed := range uint64(damagedFiles) {
		d := damage(seed)
		file := d.file()
		report, out, err := repaired(t, file, &WriteOptions{NoSync: true})
		require.NoError(t, err, "seed %d: %q", seed, file)
		if len(d.metadata) == 0 {
			d.metadata = nil
		}
		require.Equal(t, string(encoded(t, d.metadata, d.src...)), string(out), "seed %d: %q", seed, file)
		require.Equal(t, string(file) == string(out), len(report) == 0, "seed %d: %q, %v", seed, file, report)
		words := fmt.Sprint(report)
		for what := range damages {
			require.Equal(t, d.done[what], strings.Contains(words, damages[what]), "seed %d, %s: %q, %s", seed, what, file, words)
			seen[what] += b2i(d.done[what])
		}
		same += b2i(len(report) == 0)
	}
	t.Logf("%v, right before: %d", seen, same)
	for what := range damages {
		require.Greater(t, seen[what], damagedFiles/100, what)
	}
	require.Greater(t, same, damagedFiles/100)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// requireRepairLaws requires of any bytes: Repair refuses them with the reader's own kinds
// and leaves nothing, or gives a canonical file. It never refuses what the lenient reader
// takes, and keeps all that this one sees.
func requireRepairLaws(t *testing.T, file []byte) {
	report, out, err := repaired(t, file, &WriteOptions{NoSync: true})
	lenient, lenientErr := OpenBytes(file, &OpenOptions{Lenient: true})
	if err != nil {
		require.Contains(t, variants, kindOf(t, err))
		requirePlain(t, err)
		require.True(t, lenientErr != nil || kindOf(t, err) == ErrOverflow, "%q: %v", file, err) // dims beyond int
		return
	}
	f, err := OpenBytes(out, nil)
	require.NoError(t, err)
	require.Equal(t, out, reencoded(t, f))
	require.Equal(t, string(file) == string(out), len(report) == 0, "%q: %v", file, report)
	again, twice, err := repaired(t, out, &WriteOptions{NoSync: true})
	require.NoError(t, err)
	require.Empty(t, again)
	require.Equal(t, out, twice)
	if lenientErr != nil {
		return
	}
	require.Equal(t, lenient.Len(), f.Len())
	for _, s := range sources(t, lenient) {
		requireTensor(t, tensorOf(t, f, s.Name), s)
	}
	metadata := lenient.Metadata()
	maps.DeleteFunc(metadata, func(key, _ string) bool {
		name, ok := strings.CutPrefix(key, metakey.Checksum)
		_, there := lenient.lookup(name)
		return ok && !there
	})
	if len(metadata) == 0 {
		metadata = nil
	}
	require.Equal(t, metadata, f.Metadata())
}

// refusedLater are vectors with a fault that can be mended before one that cannot.
var refusedLater = map[string]ErrorKind{
	"duplicate/twice-valid-then-other-valid-range": ErrIncomplete,
	"framing/header-up-to-the-end":                 ErrIncomplete,
}

func TestRepairVectors(t *testing.T) {
	mended := 0
	for _, v := range corpus(t) {
		t.Run(v.Name, func(t *testing.T) {
			requireRepairLaws(t, v.File)
			_, _, err := repaired(t, v.File, nil)
			switch {
			case err == nil && v.Lenient != "ok":
				t.Logf("mended: %s: %s", v.Lenient, v.Comment)
				mended++
			case err != nil && v.Lenient != "ok":
				want, ok := refusedLater[v.Name]
				if !ok {
					want = ErrorKind(v.Lenient)
				}
				require.Equal(t, want, kindOf(t, err))
			}
		})
	}
	require.Greater(t, mended, 10)
}

// Files of others need nothing but their order and alignment mended.
func TestRepairGoldenFiles(t *testing.T) {
	for name := range goldenFiles(t) {
		file, err := os.ReadFile(filepath.Join(goldenDir, name))
		require.NoError(t, err)
		requireRepairLaws(t, file)
		report, _, err := repaired(t, file, nil)
		require.NoError(t, err)
		for _, e := range report {
			require.Equal(t, ErrNotCanonical, e.Kind, name)
		}
	}
}

func TestRepairOfAnything(t *testing.T) {
	maker, rng := newHeaderMaker(3), rand.New(rand.NewPCG(4, 0))
	for seed := range uint64(300) {
		requireRepairLaws(t, maker.file())
		file := damage(seed).file()
		file[rng.IntN(len(file))] ^= byte(1 << rng.IntN(8))
		requireRepairLaws(t, file[:len(file)-rng.IntN(2)])
	}
}

func FuzzRepair(f *testing.F) {
	seedFiles(f, func(file []byte) { f.Add(file) })
	for seed := range uint64(50) {
		f.Add(damage(seed).file())
	}
	f.Fuzz(func(t *testing.T, file []byte) { requireRepairLaws(t, file) })
}

func TestRustReadsWhatWasRepaired(t *testing.T) {
	p := startRust(t, "verdict")
	var files [][]byte
	for seed := range uint64(300) {
		_, out, err := repaired(t, damage(seed).file(), &WriteOptions{NoSync: true})
		require.NoError(t, err)
		files = append(files, out)
	}
	p.ask(t, files, func(i int) {
		line, err := p.out.ReadString('\n')
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(line, "ok "), line)
		requireVerdict(t, files[i], withoutMessage(line))
	})
}

func TestPythonReadsWhatWasRepaired(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	var cases []*damager
	for seed := uint64(0); len(cases) < 30; seed++ {
		d := damage(seed)
		// NumPy has dtypes of these widths only.
		if slices.ContainsFunc(d.src, func(s Source) bool {
			return !slices.Contains([]DType{U8, I8, I16, U16, F16, I32, U32, F32, F64, I64, U64}, s.DType)
		}) {
			continue
		}
		src, dst := rewritten(t, dir, d.file()), filepath.Join(dir, fmt.Sprint(seed))
		_, err := Repair(t.Context(), dst, src, nil)
		require.NoError(t, err)
		paths, cases = append(paths, dst), append(cases, d)
	}
	lines := json.NewDecoder(bytes.NewReader(python(t, nil, "dump.py", append([]string{"--framework", "numpy"}, paths...)...)))
	for _, d := range cases {
		var seen struct {
			Error   string
			Tensors map[string]struct{ SHA256 string }
		}
		require.NoError(t, lines.Decode(&seen))
		require.Empty(t, seen.Error)
		require.Len(t, seen.Tensors, len(d.src))
		for _, s := range d.src {
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(s.Data)), seen.Tensors[s.Name].SHA256)
		}
	}
}
