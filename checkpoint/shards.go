package checkpoint

// This file saves models as several files.

import (
	"context"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// ShardOptions tunes SaveShards. Nil means: the whole model, in shards of at most 5 GB,
// called model.
type ShardOptions struct {
	// SaveOptions counts for every file. Progress counts the bytes of all of them. In
	// Metadata, "format" goes into each file, and is "pt" where it is missing; the rest
	// goes into the index, or into the file where there is only one.
	SaveOptions
	// MaxSize is the most that a shard holds, in bytes of tensors; 0 means 5,000,000,000.
	// safetensors.ParseSize reads it from text such as "5GB". A tensor that is larger gets
	// a shard of its own.
	MaxSize int64
	// Name begins the names of the files; "" means "model", which loaders of the Hugging
	// Face libraries look for.
	Name string
}

// ErrExists says that the folder holds files of the model that would be replaced, and that
// this system or file system cannot replace a folder in one step. Nothing was changed: save
// into a new folder. It wraps fs.ErrExist.
var ErrExists = safetensors.ErrExists

// SaveShards writes the model to the folder dir: model-00001-of-00003.safetensors and so on,
// each with at most MaxSize bytes of tensors, and model.safetensors.index.json, which says
// where each tensor is; or model.safetensors alone if that holds all. Python's transformers
// and huggingface_hub load such a folder, and so does LoadModel, given the folder or the
// index. Parameters go to the files in the order of their names in the model, so the same model
// makes the same files.
//
// The folder is made, or replaced in one step: when SaveShards returns nil, all of it
// survives a power cut (unless NoSync); when it returns an error other than ErrUnconfirmed,
// or the process dies, dir is as it was. Other files in it stay; files of an older save of
// that Name go, however many they were. Where folders cannot be replaced (Windows, some
// network file systems, mount points), the error is ErrExists if there is an older save. See
// safetensors.WriteShards for what else dir must be.
//
// Ties, errors and what may not run meanwhile are as for SaveModel; aliases are in the
// metadata of the index.
func SaveShards(ctx context.Context, dir string, m Model, o *ShardOptions) error {
	if o == nil {
		o = &ShardOptions{}
	}
	src, opt, err := Sources(m, &o.SaveOptions)
	if err != nil {
		return err
	}
	shards := &safetensors.ShardOptions{WriteOptions: *opt, MaxSize: o.MaxSize, Name: o.Name}
	if err := safetensors.WriteShards(ctx, dir, src, shards); err != nil {
		return fmt.Errorf("checkpoint: save: %w", err)
	}
	return nil
}
