package safetensors

// This file writes a set: shard after shard into a folder in the making, then the digest
// into all of them, then everything appears at once.

import (
	"context"
	"errors"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint/internal/atomicio"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// ErrExists says that the folder holds files of the set that would be replaced, and that
// this system or file system cannot replace a folder in one step. Nothing was changed:
// write into a new folder. It wraps fs.ErrExist.
var ErrExists = atomicio.ErrExists

// WriteShards writes src to the folder dir as a set: files of at most MaxSize bytes of data
// and an index that names them, as huggingface_hub writes and Open reads. They are
// model-00001-of-00003.safetensors and so on and model.safetensors.index.json; what fits in
// one file, also no tensors at all, is model.safetensors and no index. Tensors go to shards
// in the order of src, see the package comment.
//
// The set appears as one: dir is made, or replaced by a new folder in one step, in which
// other files, folders and symbolic links are as they were, and files of an older set of
// that Name are gone, however many those were. When WriteShards returns nil, all of it
// survives a power cut (unless NoSync); when it returns an error other than ErrUnconfirmed,
// or the process dies, dir is as it was. Readers that have files of the old set open or
// mapped keep them. dir must have a name ("." has none), and the folder above it must exist
// and be writable. A program whose working directory is dir is left in the old folder,
// which is removed.
//
// Folders can be replaced on Linux and macOS, on local file systems; not where dir is a
// mount point. Elsewhere a set is written only where none of that Name is: the error is
// ErrExists where one is, and the index, or the only file, appears last.
//
// One tensor is written after the other, and summed meanwhile; WriteData is called once.
// All shards stay open until the end, and room for all is reserved at the beginning. ctx
// ends a write between pieces of 8 MiB; the error is then the context's cause. Progress and
// WriteData are called on the caller's goroutine. Errors are those of Encode, of the kind
// ErrShardIndex for an index of more than 100,000,000 bytes, and the system's.
func WriteShards(ctx context.Context, dir string, src []Source, o *ShardOptions) error {
	return writeShards(ctx, fsys.OS, dir, src, o)
}

func writeShards(ctx context.Context, disk fsys.FS, dir string, src []Source, o *ShardOptions) (err error) {
	p, err := planShards(SpecsOf(src), o)
	if err != nil {
		return err
	}
	if err := p.take(src); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("safetensors: write %s: %w", dir, err)
	}
	d, err := atomicio.CreateDir(dir, &atomicio.DirOptions{FS: disk, NoSync: p.opt.NoSync, Mine: isOfSet(p.opt.Name)})
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := p.writeTo(ctx, d); err != nil {
		return err
	}
	if err := d.Commit(); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}

// writeTo writes all files into d. The index comes last: see atomicio.Dir.Commit.
func (p *shardPlan) writeTo(ctx context.Context, d *atomicio.Dir) error {
	files, err := p.create(d)
	if err != nil {
		return err
	}
	pace := &pace{stop: endedBy(ctx), progress: p.opt.Progress, total: p.bytes()}
	if p.index == nil {
		w := pacedWriter{files[0], pace}
		if err := p.files[0].layout.writeSummed(files[0], w, p.files[0].src); err != nil {
			return err
		}
		return commit(files[0])
	}
	digest, err := p.writeShards(files, pace)
	if err != nil {
		return err
	}
	if err := p.seal(files, digest); err != nil {
		return err
	}
	return p.writeIndex(d, digest, pace)
}

// create makes the shards and reserves their room, so that a full disk is seen before the
// work.
func (p *shardPlan) create(d *atomicio.Dir) ([]*atomicio.File, error) {
	files := make([]*atomicio.File, len(p.files))
	for i := range files {
		f, err := d.Create(p.files[i].name)
		if err == nil {
			err = f.Reserve(p.files[i].layout.size)
		}
		if err != nil {
			return nil, fmt.Errorf("safetensors: %w", err)
		}
		files[i] = f
	}
	return files, nil
}

// bytes is how many all files have.
func (p *shardPlan) bytes() (n int64) {
	for i := range p.files {
		n += p.files[i].layout.size
	}
	if p.index != nil {
		n += int64(len(p.index.text))
	}
	return n
}

// writeShards writes the shards, without the digest of the set, which it returns.
func (p *shardPlan) writeShards(files []*atomicio.File, pace *pace) (digest string, err error) {
	sums := make([]uint64, len(p.specs))
	for i, f := range files {
		shard := &p.files[i]
		own, err := shard.layout.writeAndSum(pacedWriter{f, pace}, shard.src)
		if err != nil {
			return "", err
		}
		for k, sum := range own {
			sums[shard.tensors[k]] = sum
		}
		shard.layout.fill(shard.layout.header, own)
		// This also lets go of the memory that a file takes as long as it is written from
		// front to back. The digest would come too late for that.
		if err := shard.layout.rewriteHeader(f); err != nil {
			return "", err
		}
	}
	return setDigest(p.specs, p.byName, sums), nil
}

// seal completes the shards.
func (p *shardPlan) seal(files []*atomicio.File, digest string) error {
	for i, f := range files {
		l := p.files[i].layout
		l.fillSet(l.header, digest)
		if err := l.rewriteHeader(f); err != nil {
			return err
		}
		if err := commit(f); err != nil {
			return err
		}
	}
	return nil
}

func (p *shardPlan) writeIndex(d *atomicio.Dir, digest string, pace *pace) error {
	f, err := d.Create(shardIndexName(p.opt.Name))
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	p.index.fillSet(digest)
	if _, err := (pacedWriter{f, pace}).Write(p.index.text); err != nil {
		return fmt.Errorf("safetensors: write the index: %w", err)
	}
	return commit(f)
}
