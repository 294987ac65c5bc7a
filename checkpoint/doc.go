// Package checkpoint saves the parameters of a Gorgonia model to a safetensors
// file, and loads them back.
//
//	err := checkpoint.SaveModel(ctx, "model.safetensors", model, nil)
//	report, err := checkpoint.LoadModel(ctx, "model.safetensors", model, nil)
//
// [SaveModel] and [LoadModel] do most jobs; [SaveShards] is for models that are too
// large for one file. A model is anything with a [Model.StateDict]; [FromStruct],
// [FromNodes], [FromMap], [FromValues], [FromGraph], [FromBatchNorm] and [Group] make
// one of what a program has. [Sources] is what a save would write, for programs that
// write it themselves. To look into a file without a model, and for views of
// single tensors, use package safetensors; [Dense] makes a Gorgonia tensor of one of
// them.
//
// # What a save promises
//
// Never half a file: SaveModel makes a new file beside the target, complete and
// synced, and gives it the target's name in one rename. A crash, a kill, a full
// disk or a cancelled context leaves the old file or the new one, and views of
// the old one stay good. When SaveModel returns nil, bytes and name survive a
// power cut; with SaveOptions.NoSync they survive the death of the process only.
// The temporary file of a process that died is removed by the next save to the
// same target; that of a living one never is. One error, [ErrUnconfirmed], means
// that the new file is there and only its durability is in doubt.
//
//	Linux    as said, on local file systems whose disks honour a flush
//	macOS    as said; Go's Sync is F_FULLFSYNC there
//	Windows  the directory cannot be synced, so after a power cut the old name may
//	         be back; a target that is mapped or open elsewhere cannot be replaced:
//	         SaveModel fails and the old file stays
//	NFS, SMB the rename is atomic on the server; what a power cut of the server
//	         leaves is the server's promise
//
// [SaveShards] promises the same for a folder of several files: the old set or the new
// one, in one step, and what else is in the folder stays. Windows and some network file
// systems cannot replace a folder; there it fails with [ErrExists] rather than replace an
// older set file by file.
//
// # What a load promises
//
// Check everything, then write everything. Names, shapes, dtypes, checksums, what
// a conversion would do to the values, and that the file can be read to its end
// are known before the first byte of the model changes. A [MismatchError] lists
// all differences at once. Only a file that turns unreadable during the copy
// itself does worse, and a [PartialLoadError] names what was written. [StageModel] does
// the checking alone, for checkpoints of several parts, which load all or none. For that a
// mapped file is faulted in before the copy, and its size is compared before and
// after.
//
// Loading is in place: it overwrites the bytes behind the live values and
// replaces no tensor. Ties, views, other graphs over the same tensors, compiled
// machines and what solvers remember all stay valid.
//
// # Names
//
// A file is matched by name, so names are part of it. Adapters use:
//
//	FromNodes, FromGraph   the name of the node (gorgonia.WithName)
//	FromMap, FromValues    the key
//	FromStruct             fields, joined with dots: "layers.0.W"; tags rename
//	FromBatchNorm          <key>.running_mean, <key>.running_var
//	Group                  <key>.<name>; the key "" adds nothing
//
// These rules will not change. Where a file has other names, another order of
// axes or another shape, [Stored] says so, once for saving and loading.
//
// # What a file holds
//
// One tensor for each parameter, in row-major order whatever the layout in
// memory. Tensors that are one (same address, dtype, shape and strides) are
// stored once, under the first of their names in byte order; the metadata gives
// each other name as an alias: {"decoder.weight": "embedding.weight"}. This is
// what save_model of the Python package safetensors writes, and its load_model
// reads. Beyond it, LoadModel follows the aliases of a file into a model that
// shares nothing. Tensors that overlap otherwise, such as a row of another, are
// each stored whole; loading them back is an error where they disagree.
//
// Metadata always has "format", "pt" unless the caller says otherwise, because
// the loaders of Hugging Face's libraries refuse files without. A file without
// aliases, checksums and metadata of the caller's has no metadata at all.
//
//	Gorgonia        file            Gorgonia          file
//	Float32, F64    F32, F64        Bool              BOOL
//	Int8 ... Int64  I8 ... I64      Complex64         C64
//	Uint8 ...       U8 ... U64      safetensors.Float16, BFloat16 (containers)
//	Int, Uint       I64, U64 (I32, U32 on 32-bit machines)
//
// SaveShards divides the parameters, by their names in the model, among files of at most
// MaxSize, in the form of the hub: the index says where each tensor is, and has the
// aliases and the caller's metadata; each shard has its checksums. A digest in all of them
// tells shards of different saves apart: see package safetensors.
//
// Masked and sparse tensors, strings, pointers, Complex128, dtypes of one's own
// and values on a device are refused by name.
//
// # When
//
// Save and load between a solver's Step and the next RunAll, on the goroutine
// that runs the machine: a backward pass transposes parameters while it runs.
// Load batch normalisations after their machine is made. [CheckGraph] tells,
// before a machine is made, whether Gorgonia will confuse nodes of a graph.
package checkpoint
