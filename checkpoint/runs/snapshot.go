package runs

// This file is the one consistent copy of a state: each tensor is copied once, to where it
// belongs in its file.

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"unsafe"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const stateName = "state.json"

// stateFormat is the version of state.json.
const stateFormat = 1

// stateFile is state.json: all of a state that is no tensor.
type stateFile struct {
	Format int                        `json:"format"`
	Step   int64                      `json:"step"`
	Parts  map[string]json.RawMessage `json:"parts"`
	Best   map[string]bestSoFar       `json:"best,omitempty"`
}

// A snapshotter makes snapshots in one piece of memory, which it keeps from one to the next.
type snapshotter struct {
	shardSize int64
	plans     []*filePlan // of the last snapshot
	buffer    []byte
	free      func() error
	warming   *warming // nil unless buffer is being made ready
}

// A filePlan is how one tensorFile is laid out.
type filePlan struct {
	file   tensorFile          // without the data
	list   *safetensors.Source // the first of the list that it was made of, nil for none
	set    *safetensors.ShardImages
	specs  []safetensors.Spec
	placed []placedImage
}

// A placedImage is a file in the buffer.
type placedImage struct {
	name  string
	image *safetensors.Image
	bytes []byte // with the capacity that direct writes want
}

// A snapshot is a state that was copied, ready to be written.
type snapshot struct {
	plans   []*filePlan
	trained trained
	state   []byte // state.json
}

// plan lays out what c lists. It copies nothing yet, and keeps plans that still fit.
func (s *snapshotter) plan(c *capture, step int64, best map[string]bestSoFar) (*snapshot, error) {
	state, err := json.MarshalIndent(stateFile{stateFormat, step, c.entries, best}, "", "  ")
	if err != nil {
		return nil, err
	}
	plans := make([]*filePlan, len(c.files))
	fits := len(plans) == len(s.plans)
	for i, f := range c.files {
		if i < len(s.plans) && s.plans[i].fits(f) {
			plans[i] = s.plans[i]
			plans[i].file.src, plans[i].list = f.src, unsafe.SliceData(f.src)
			continue
		}
		fits = false
		if plans[i], err = s.planFile(f); err != nil {
			return nil, fmt.Errorf("part %q: %w", f.name, err)
		}
	}
	if !fits {
		if err := s.place(plans); err != nil {
			return nil, err
		}
		s.plans = plans
	}
	return &snapshot{plans: plans, trained: c.trained, state: append(state, '\n')}, nil
}

// fits reports whether f has the tensors of p. A list that is the same one is not looked at.
func (p *filePlan) fits(f tensorFile) bool {
	if p.file.name != f.name || p.file.slots != f.slots || len(p.specs) != len(f.src) {
		return false
	}
	return p.list != nil && p.list == unsafe.SliceData(f.src) ||
		maps.Equal(p.file.metadata, f.metadata) && slices.EqualFunc(p.specs, safetensors.SpecsOf(f.src), sameSpec)
}

func sameSpec(a, b safetensors.Spec) bool {
	return a.Name == b.Name && a.DType == b.DType && slices.Equal(a.Shape, b.Shape)
}

// planFile lays out a file, or a set of them.
func (s *snapshotter) planFile(f tensorFile) (*filePlan, error) {
	specs := safetensors.SpecsOf(f.src)
	set, err := safetensors.PlanShardImages(specs, &safetensors.ShardOptions{
		WriteOptions: safetensors.WriteOptions{Metadata: f.metadata, Checksums: true, Align: store.DirectAlign},
		MaxSize:      s.shardSize,
		Name:         f.name,
	})
	if err != nil {
		return nil, err
	}
	return &filePlan{file: f, list: unsafe.SliceData(f.src), set: set, specs: specs}, nil
}

// place gives every image its memory: new memory only if there is not enough.
func (s *snapshotter) place(plans []*filePlan) error {
	size := 0
	for _, p := range plans {
		for _, image := range p.set.All() {
			size += roundUp(int(image.Size()))
		}
	}
	if err := s.grow(size); err != nil {
		return err
	}
	rest := s.buffer
	for _, p := range plans {
		p.placed = p.placed[:0]
		for name, image := range p.set.All() {
			n := int(image.Size())
			b := rest[:n:roundUp(n)]
			rest = rest[roundUp(n):]
			if err := image.Place(b[:n:n]); err != nil {
				return err
			}
			p.placed = append(p.placed, placedImage{name, image, b})
		}
	}
	return nil
}

func roundUp(n int) int { return (n + store.DirectAlign - 1) / store.DirectAlign * store.DirectAlign }

// grow makes the buffer large enough. What it held is lost.
func (s *snapshotter) grow(size int) error {
	if size <= len(s.buffer) {
		return nil
	}
	if err := s.release(); err != nil {
		return err
	}
	b, free, err := fsys.NewBuffer(size)
	if err != nil {
		return fmt.Errorf("memory for a copy of the state, %d bytes: %w", size, err)
	}
	s.buffer, s.free = b, free
	return nil
}

// release gives the memory back.
func (s *snapshotter) release() error {
	if s.free == nil {
		return nil
	}
	s.warming.end()
	free := s.free
	s.buffer, s.free, s.plans, s.warming = nil, nil, nil, nil
	return free()
}

// fill copies the live tensors.
func (sn *snapshot) fill(ctx context.Context) error {
	defer sn.forget()
	for _, p := range sn.plans {
		if err := p.set.Fill(ctx, p.file.src); err != nil {
			return fmt.Errorf("part %q: %w", p.file.name, err)
		}
	}
	return nil
}

// forget lets go of live tensors, which are not looked at any more.
func (sn *snapshot) forget() {
	for _, p := range sn.plans {
		p.file.src = nil
	}
}

// sizes are the files of the snapshot, in bytes.
func (sn *snapshot) sizes() map[string]int64 {
	sizes := map[string]int64{stateName: int64(len(sn.state))}
	for _, p := range sn.plans {
		for _, f := range p.placed {
			sizes[f.name] = int64(len(f.bytes))
		}
		if name, text := p.set.Index(); name != "" {
			sizes[name] = int64(len(text))
		}
	}
	return sizes
}

// manifestRoom is what the manifest needs for the tensors, in bytes.
func (sn *snapshot) manifestRoom() (n int64) {
	for _, p := range sn.plans {
		for _, s := range p.specs {
			n += store.TensorRoom(s.Name)
		}
	}
	return n
}

// bytes is the size of all files.
func (sn *snapshot) bytes() (n int64) {
	for _, size := range sn.sizes() {
		n += size
	}
	return n
}

// A writable is a file of the snapshot that can be written.
type writable struct {
	name     string
	data     store.Data
	linkable *filePlan // of an image that needs no other; else nil
}

// writables are the files in the order in which they are to be written: the images of a part,
// the first of which is sealed with the others while it is written, and its index behind them.
func (sn *snapshot) writables(seal func(ctx context.Context, p *filePlan) error) iter.Seq[writable] {
	return func(yield func(writable) bool) {
		for _, p := range sn.plans {
			for i, f := range p.placed {
				w := writable{name: f.name, data: store.Data{Bytes: f.bytes, Late: headerSize(f.bytes)}}
				if len(p.placed) == 1 {
					w.linkable = p
				}
				w.data.Finish = func(ctx context.Context) (store.Sum, map[string]*store.Tensor, error) {
					if i == 0 {
						if err := seal(ctx, p); err != nil {
							return 0, nil, err
						}
					}
					return f.sums()
				}
				if !yield(w) {
					return
				}
			}
			if name, text := p.set.Index(); name != "" && !yield(writable{name: name, data: store.Data{Bytes: text}}) {
				return
			}
		}
		yield(writable{name: stateName, data: store.Data{Bytes: sn.state}})
	}
}

// headerSize is where the data of an image begins.
func headerSize(b []byte) int {
	const lengthBytes = 8
	n := 0
	for i := range lengthBytes {
		n |= int(b[i]) << (8 * i)
	}
	return lengthBytes + n
}

// sums are what the manifest says of a sealed image.
func (f placedImage) sums() (store.Sum, map[string]*store.Tensor, error) {
	file, err := safetensors.OpenBytes(f.bytes, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("%s cannot be read back from memory: %w", f.name, err)
	}
	tensors := map[string]*store.Tensor{}
	for name, sum := range f.image.Sums() {
		t, err := file.Tensor(name)
		if err != nil {
			return 0, nil, err
		}
		begin, end := t.Range()
		tensors[name] = &store.Tensor{Range: [2]int64{begin, end}, CRC: store.Sum(sum)}
	}
	return store.Sum(f.image.FileSum()), tensors, file.Close()
}
