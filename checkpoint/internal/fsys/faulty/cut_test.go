package faulty

// These tests are about power cuts gone through one by one.

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// listing is the whole tree as text.
func listing(d *Disk) string {
	return tree(d, func(name string) string { return name + "=" + show(name)(d) })
}

// names is listing without what files hold.
func names(d *Disk) string {
	return tree(d, func(name string) string { return name })
}

func tree(d *Disk, file func(name string) string) string {
	var b strings.Builder
	var list func(dir string)
	list = func(dir string) {
		for _, name := range d.Names(dir) {
			name = strings.TrimPrefix(dir+"/"+name, "/")
			if mode := must(d.Mode(name)); mode.IsDir() {
				fmt.Fprintf(&b, "%s/ ", name)
				list(name)
				continue
			}
			b.WriteString(file(name) + " ")
		}
	}
	list("")
	return strings.TrimSpace(b.String())
}

func listings(cuts iter.Seq[*Disk]) []string {
	var list []string
	for d := range cuts {
		list = append(list, listing(d))
	}
	slices.Sort(list)
	return list
}

func put(t *testing.T, fsx fsys.FS, name, text string, sync bool) {
	t.Helper()
	f, err := fsx.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	require.NoError(t, err)
	write(t, f, text)
	if sync {
		require.NoError(t, f.Sync())
	}
	require.NoError(t, f.Close())
}

// TestCutsOfNamesAreAllThatCanBe: of files that are synced, what is uncertain is names.
func TestCutsOfNamesAreAllThatCanBe(t *testing.T) {
	d := NewDisk()
	d.WriteFile("old", []byte("0"))
	p := d.Process()
	put(t, p, "new", "1", true)
	require.NoError(t, p.Rename("new", "old"))
	require.NoError(t, p.Mkdir("dir", 0o755))
	require.Equal(t, []string{
		"dir/ new=1 old=0",
		"dir/ new=1 old=1", // the new name came, the old one did not go
		"dir/ old=0",
		"dir/ old=1",
		"new=1 old=0",
		"new=1 old=1",
		"old=0",
		"old=1",
	}, listings(d.Cuts(CutOptions{})))
	require.Equal(t, []string{
		"dir/ old=1",
		"new=1 old=0",
		"old=0",
		"old=1",
	}, listings(d.Cuts(CutOptions{Model: Ordered})), "what comes first is kept first, a rename whole")

	require.NoError(t, p.SyncDir("/"))
	require.Equal(t, []string{"dir/ old=1"}, listings(d.Cuts(CutOptions{})))
}

// TestOrderReachesAcrossDirectories: a sync of one directory keeps what was done in others
// before it, if there is one journal.
func TestOrderReachesAcrossDirectories(t *testing.T) {
	d := NewDisk()
	d.Mkdir("a")
	d.Mkdir("b")
	p := d.Process()
	for _, name := range []string{"a/1", "b/2", "a/3"} {
		require.NoError(t, p.Mkdir(name, 0o755))
	}
	require.NoError(t, p.SyncDir("b"))
	require.NoError(t, p.Exchange("a/1", "b"))
	one, both := "a/ a/1/ b/ b/2/", "a/ a/1/ a/3/ b/ b/2/"
	require.Equal(t, []string{"a/ a/1/ a/1/2/ a/3/ b/", both}, listings(d.Cuts(CutOptions{Model: Ordered})))
	require.Contains(t, listings(d.Cuts(CutOptions{})), one)
}

// TestCutsOfContent has a file of two blocks come back in every way that the package
// comment tells of.
func TestCutsOfContent(t *testing.T) {
	d := NewDisk()
	d.WriteFile("f", bytes.Repeat([]byte("o"), 2*blockSize))
	f, err := d.Process().OpenFile("f", os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte("n"), 3*blockSize), 0)
	require.NoError(t, err)
	var seen []string
	for after := range d.Cuts(CutOptions{}) {
		text := show("f")(after)
		var blocks []string
		for block := range slices.Chunk([]byte(text), blockSize) {
			blocks = append(blocks, classify(string(block), blockSize))
		}
		seen = append(seen, strings.Join(blocks, ", "))
	}
	for _, want := range []string{
		"all o, all o",
		"all n, all n, all n",
		"all \x00, all \x00, all \x00",
		"all o, all n, all \x00",
		"all n, all o",
		"mixed, mixed, mixed",
		"all n, all n, short",
	} {
		require.Contains(t, seen, want)
	}
	require.NoError(t, f.Sync())
	require.Len(t, listings(d.Cuts(CutOptions{})), 1)
}

// scribble makes random changes to a few names in two directories.
func scribble(t *testing.T, d *Disk, rng *rand.Rand, calls int) {
	p := d.Process()
	name := func() string { return []string{"a", "b", "d/a", "d/b", "d"}[rng.IntN(5)] }
	for range calls {
		switch rng.IntN(9) {
		case 0:
			_ = p.Rename(name(), name()) // whether it works is as random as the rest
		case 1:
			_ = p.Exchange(name(), name())
		case 2:
			_ = p.Link(name(), name())
		case 3:
			_ = p.Remove(name())
		case 4:
			_ = p.Mkdir("d", 0o755)
		case 5:
			_ = p.SyncDir([]string{"/", "d"}[rng.IntN(2)])
		default:
			f, err := p.OpenFile(name(), os.O_RDWR|os.O_CREATE, 0o644)
			if err != nil {
				continue
			}
			_, err = f.WriteAt([]byte{byte('a' + rng.IntN(26))}, rng.Int64N(3))
			require.NoError(t, err)
			if rng.IntN(2) == 0 {
				require.NoError(t, f.Sync())
			}
			require.NoError(t, f.Close())
		}
	}
}

// TestCrashIsOneOfTheCuts: what the two can leave of the names is the same.
func TestCrashIsOneOfTheCuts(t *testing.T) {
	for seed := range uint64(50) {
		d := NewDisk()
		d.Mkdir("d")
		scribble(t, d, rand.New(rand.NewPCG(seed, 5)), 12)
		cuts, ordered := map[string]bool{}, map[string]bool{}
		for after := range d.Cuts(CutOptions{Max: 100_000}) {
			cuts[names(after)] = true
		}
		for after := range d.Cuts(CutOptions{Max: 100_000, Model: Ordered}) {
			ordered[names(after)] = true
		}
		for seed := range uint64(100) {
			after := names(d.Crash(rand.New(rand.NewPCG(seed, 6))))
			require.True(t, cuts[after], "%q is not among %v", after, cuts)
		}
		for after := range ordered {
			require.True(t, cuts[after], "%q is not among %v", after, cuts)
		}
	}
}

// TestCutsShareNothingThatIsWrittenTo: whatever is done to the disk and to those that came of
// it, the same moment gives the same cuts.
func TestCutsShareNothingThatIsWrittenTo(t *testing.T) {
	for seed := range uint64(30) {
		d, twin := NewDisk(), NewDisk()
		for _, disk := range []*Disk{d, twin} {
			disk.Mkdir("d")
			disk.WriteFile("d/a", bytes.Repeat([]byte("x"), 2*blockSize))
			scribble(t, disk, rand.New(rand.NewPCG(seed, 7)), 15)
		}
		want := listings(twin.Cuts(CutOptions{Max: 50}))
		rng := rand.New(rand.NewPCG(seed, 8))
		var got []string
		for after := range d.Cuts(CutOptions{Max: 50}) {
			got = append(got, listing(after))
			scribble(t, after, rng, 5)
			scribble(t, d, rng, 1)
		}
		slices.Sort(got)
		require.Equal(t, want, got, "seed %d", seed)
	}
}

// TestMaxAndSeen: no more than asked for, and nothing twice.
func TestMaxAndSeen(t *testing.T) {
	d := NewDisk()
	p := d.Process()
	for i := range 30 {
		put(t, p, fmt.Sprint(i), "text", false)
	}
	var seen States
	o := CutOptions{Max: 100, RNG: rand.New(rand.NewPCG(1, 2)), Seen: &seen}
	first := len(listings(d.Cuts(o)))
	require.Greater(t, first, 50, "random ones are seldom the same")
	require.LessOrEqual(t, first, 100)
	require.Equal(t, first, seen.Len())
	second := len(listings(d.Cuts(o)))
	require.Equal(t, first+second, seen.Len())
	for after := range d.Cuts(o) {
		require.False(t, seen.Add(after))
		break
	}
	small := NewDisk()
	put(t, small.Process(), "f", "text", true)
	all := CutOptions{Seen: &States{}}
	require.Len(t, listings(small.Cuts(all)), 2)
	require.Empty(t, listings(small.Cuts(all)))
}

// TestStates: what counts as another state.
func TestStates(t *testing.T) {
	stage := func(fns ...func(d *Disk)) *Disk {
		d := NewDisk()
		d.WriteFile("f", []byte("text"))
		for _, fn := range fns {
			fn(d)
		}
		return d
	}
	var s States
	require.True(t, s.Add(stage()))
	require.False(t, s.Add(stage()))
	require.False(t, s.Add(stage(func(d *Disk) { put(t, d.Process(), "f", "next", false) })), "it is not durable")
	twoFiles := func(d *Disk) { d.WriteFile("g", []byte("text")) }
	for name, fn := range map[string]func(d *Disk){
		"content":   func(d *Disk) { d.WriteFile("f", []byte("next")) },
		"mode":      func(d *Disk) { d.Chmod("f", 0o600) },
		"two files": twoFiles,
		"two names": func(d *Disk) {
			require.NoError(t, d.Process().Link("f", "g"))
			require.NoError(t, d.Process().SyncDir("/"))
		},
		"directory": func(d *Disk) { d.Mkdir("g") },
		"link":      func(d *Disk) { d.Symlink("f", "g") },
		"damage":    func(d *Disk) { d.Damage("f", func(b []byte) []byte { return b[:3] }) },
	} {
		require.True(t, s.Add(stage(fn)), name)
		require.False(t, s.Add(stage(fn)), name)
	}
	require.Equal(t, 8, s.Len())
}

// TestCutsKeepTheDisksWays: what it lacks, it lacks after a cut.
func TestCutsKeepTheDisksWays(t *testing.T) {
	d := NewDisk()
	d.Lacks("link")
	d.SetCapacity(3)
	for after := range d.Cuts(CutOptions{}) {
		p := after.Process()
		create(t, p, "f")
		require.Error(t, p.Link("f", "g"))
		n, err := p.Free("/")
		require.NoError(t, err)
		require.Equal(t, int64(3), n)
	}
}

// BenchmarkCuts goes through distinct disks of the size that tests of runs have: 3
// directories with 12 files of up to 20 KiB, one of which was just written.
func BenchmarkCuts(b *testing.B) {
	d := NewDisk()
	p := d.Process()
	for i := range 3 {
		d.Mkdir(fmt.Sprint(i))
		for j := range 4 {
			d.WriteFile(fmt.Sprintf("%d/%d", i, j), bytes.Repeat([]byte{byte(i + j)}, 5000*j))
		}
	}
	for i, size := range []int{100, 5000, 20_000} {
		f, err := p.OpenFile(fmt.Sprintf("0/new%d", i), os.O_WRONLY|os.O_CREATE, 0o644)
		require.NoError(b, err)
		_, err = f.Write(bytes.Repeat([]byte("n"), size))
		require.NoError(b, err)
	}
	require.NoError(b, p.Rename("0/new0", "1/renamed"))
	b.ReportAllocs()
	made := 0
	for made < b.N {
		rng := rand.New(rand.NewPCG(uint64(made), 1))
		for range d.Cuts(CutOptions{Max: min(b.N-made, 1000), RNG: rng}) {
			made++
		}
	}
	b.ReportMetric(float64(made)/b.Elapsed().Seconds(), "disks/s")
}
