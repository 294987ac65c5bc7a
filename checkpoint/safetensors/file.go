package safetensors

// This file opens files and answers what is in them.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"strings"
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// A File is an open safetensors file, or a set of them that an index joins: the
// headers are in memory and checked, tensors are read when asked for. Any number
// of goroutines may use it at once.
type File struct {
	path   string   // the file or the index, "" where it has none
	shards []*shard // in the order of their names
	set    *set     // nil for one file, which has one shard

	forgiven []*FormatError
	merge    sync.Once
	pairs    map[string]string // the metadata of a set, once put together

	// mu guards the sources against Close: whoever reads holds it shared.
	mu     sync.RWMutex
	closed bool
}

// OpenOptions tunes how a file is opened. Nil means: strict, mapped read-only.
type OpenOptions struct {
	// Lenient accepts what the reference reader accepts though the format's
	// text does not, and sets that their index does not describe well: see the
	// package comment.
	Lenient bool
	// NoMmap reads with system calls instead of mapping the file: for network
	// file systems, and where others may truncate the file meanwhile. Open falls
	// back to it by itself where the file cannot be mapped.
	NoMmap bool
	// CopyOnWrite maps the file so that views may be written to. What is
	// written stays in this process; the file never changes.
	CopyOnWrite bool
	// InMemory reads the whole file into new memory while opening, on all cores,
	// and lets go of it. Views then are plain Go memory that may be written to
	// and stays valid after Close. The file begins at a multiple of 64 bytes, so
	// a tensor is aligned as well as its place in the file is. It goes before
	// NoMmap and CopyOnWrite; what OpenBytes is given stays where it is.
	InMemory bool
	// Verify compares every stored checksum while opening, as File.Verify does;
	// with InMemory in the same pass as the reading.
	Verify bool
	// MaxHeader is the longest header to accept, in bytes: a longer one is
	// ErrHeaderTooLarge before it is read. 0, and all over it, mean the format's
	// 100,000,000. In a set it is for each shard.
	MaxHeader int64
}

func (o *OpenOptions) orDefault() OpenOptions {
	if o == nil {
		return OpenOptions{}
	}
	return *o
}

// Open opens the model at path, mapped into memory. The path may be
//
//   - a safetensors file;
//   - a shard index, the name of which ends in ".json": its shards lie beside it
//     and are one File;
//   - a folder, of which it opens model.safetensors.index.json, else
//     model.safetensors, else the only *.safetensors.index.json, else the only
//     *.safetensors. (huggingface_hub looks in this order too; transformers takes
//     model.safetensors first.)
//
// It reads and checks the headers, and allocates at most four times a header's length
// plus 1 MiB for each file and six times the index's length; InMemory and Verify, which
// read the data, need more.
// Errors are a *FormatError for a file that breaks the format, else the
// system's. fs.ErrNotExist means that nothing is at path: of a set that lacks a shard the
// index is at fault, and a folder without a model is an error of its own.
func Open(path string, o *OpenOptions) (*File, error) {
	opt := o.orDefault()
	return openPath(diskTree{opt}, path, opt)
}

// OpenFS opens a file, an index or a folder of a file system, an embed.FS for
// example. A file that cannot be read at an offset is read whole.
func OpenFS(fsys fs.FS, name string, o *OpenOptions) (*File, error) {
	opt := o.orDefault()
	return openPath(fsTree{fsys}, name, opt)
}

// OpenBytes opens a file that is in memory. It keeps b: views are views of it,
// and it must not change while the File is in use.
func OpenBytes(b []byte, o *OpenOptions) (*File, error) {
	return newFile(&source{mem: b, size: int64(len(b))}, o.orDefault())
}

// NewFile opens a file of size bytes behind r, which it keeps and never closes.
// Tensors may be read concurrently, as io.ReaderAt allows.
func NewFile(r io.ReaderAt, size int64, o *OpenOptions) (*File, error) {
	if size < 0 {
		return nil, fmt.Errorf("safetensors: a file of %d bytes", size)
	}
	return newFile(&source{r: r, size: size}, o.orDefault())
}

// newFile makes a File of one source. It owns src, also when it fails.
func newFile(src *source, o OpenOptions) (*File, error) {
	s, err := newShard(src, o)
	if err != nil {
		return nil, err
	}
	return fileOf(src.path, []*shard{s}).loaded(o)
}

// fileOf makes a File of shards that are in the order of their names.
func fileOf(path string, shards []*shard) *File {
	f := &File{path: path, shards: shards}
	for _, s := range shards {
		s.file = f
	}
	return f
}

// Len returns the number of tensors.
func (f *File) Len() int {
	if f.set != nil {
		return len(f.set.places)
	}
	return len(f.shards[0].h.entries)
}

// All yields the tensors in file order, by name; those of a set shard by shard, in
// the order of the shards' names.
func (f *File) All() iter.Seq2[string, Tensor] {
	return func(yield func(string, Tensor) bool) {
		for i := range f.Len() {
			t := f.at(i)
			if !yield(t.Name(), t) {
				return
			}
		}
	}
}

// at returns the tensor of that place in the order of All.
func (f *File) at(i int) Tensor {
	if f.set != nil {
		return f.set.at(f.shards, i)
	}
	s := f.shards[0]
	return s.tensor(&s.h.entries[i])
}

// lookup finds a tensor.
func (f *File) lookup(name string) (Tensor, bool) {
	if f.set != nil {
		i, ok := f.set.lookup(f.shards, name)
		if !ok {
			return Tensor{}, false
		}
		return f.set.at(f.shards, int(i)), true
	}
	s := f.shards[0]
	i, ok := s.h.lookup(name)
	if !ok {
		return Tensor{}, false
	}
	return s.tensor(&s.h.entries[i]), true
}

// Shards returns the paths of a set's files, in the order of their names; nil for
// a File that is not a set.
func (f *File) Shards() []string {
	if f.set == nil {
		return nil
	}
	paths := make([]string, len(f.shards))
	for i, s := range f.shards {
		paths[i] = s.src.path
	}
	return paths
}

// Names returns the names of the tensors in file order.
func (f *File) Names() []string {
	names := make([]string, 0, f.Len())
	for name := range f.All() {
		names = append(names, name)
	}
	return names
}

// Tensor returns the tensor of that name, or an error that wraps ErrNotFound.
// It reads nothing. Aliases are not looked through: see File.Aliases.
func (f *File) Tensor(name string) (Tensor, error) {
	t, ok := f.lookup(name)
	if !ok {
		return Tensor{}, fmt.Errorf("safetensors: %stensor %q: %w among %d", prefix(f.path), name, ErrNotFound, f.Len())
	}
	return t, nil
}

// Metadata returns the file's metadata, a map that the caller owns; nil where
// the file has none. That of a set is the strings of the index's metadata, and
// for keys that the index lacks ("format" for one) what the first shard that has
// the key says.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata()) }

func (f *File) metadata() map[string]string {
	if f.set == nil {
		return f.shards[0].metadata()
	}
	f.merge.Do(func() { f.pairs = f.set.mergeMetadata(f.shards) })
	return f.pairs
}

// Aliases returns the names under which the metadata says that a tensor is
// shared, each with the name it is stored under: what the reference's save_model
// writes for tied weights. An alias of an alias is followed to the tensor. Names
// that are tensors themselves, and keys with a meaning of their own ("format",
// and all that begin with "kibisis."), are no aliases.
func (f *File) Aliases() map[string]string {
	m := f.metadata()
	aliases := map[string]string{}
	for key := range m {
		if target, ok := f.alias(m, key); ok {
			aliases[key] = target
		}
	}
	return aliases
}

// maxAliasChain is how many aliases may lead to a tensor; more are a cycle, or
// meant to be slow.
const maxAliasChain = 16

// alias follows key through m to a tensor.
func (f *File) alias(m map[string]string, key string) (string, bool) {
	if _, stored := f.lookup(key); stored {
		return "", false
	}
	for range maxAliasChain {
		if key == metakey.Format || strings.HasPrefix(key, metakey.Own) {
			return "", false
		}
		target, ok := m[key]
		if !ok {
			return "", false
		}
		if _, stored := f.lookup(target); stored {
			return target, true
		}
		key = target
	}
	return "", false
}

// Check returns an error if the file is mapped and somebody has made it shorter
// since it was opened. Reads through the File's methods check by themselves; it is
// for users of views: bytes that are missing from the file's last page do not
// fault, they read as zeros.
func (f *File) Check() error {
	for _, s := range f.shards {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the file. It waits for reads that are under way; later reads
// fail with ErrClosed. Views of a mapped file, and tensors made over them, must
// not be touched after Close: the memory is gone, and touching it ends the
// process. A second Close does nothing.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return closeAll(f.shards)
}

func closeAll(shards []*shard) (err error) {
	for _, s := range shards {
		if s != nil {
			err = errors.Join(err, s.src.close())
		}
	}
	return err
}
