// Package safetensors reads and writes safetensors files: named tensors behind
// a JSON header, the format in which Hugging Face models are published.
//
// To read, start with [Open]; a [File] gives each [Tensor] by name, and [As] its
// elements as a Go slice, without copying where possible. [Tensor.Slice] selects parts
// of one with NumPy's indexes, and reads no others. To write tensors that are in memory
// to a file, use [WriteFile], or [Encode] for any io.Writer; to write a file larger
// than memory, or from several goroutines, [Create]; to write several files with an
// index, [WriteShards]; to put files together in memory and write them while the tensors
// change again, [PlanImage] and [PlanShardImages]; to change a file, [Rewrite]; to mend one
// that readers refuse, [Repair]. Models of Gorgonia are saved and loaded by the package above this one,
// checkpoint; this one knows no graph.
//
// # The format
//
//	byte 0       8                 8+N                      size
//	     +-------+-----------------+------------------------+
//	     | N     | header          | data                   |
//	     | u64   | N bytes of JSON | tensors without gaps,  |
//	     | LE    |                 | row-major, LE          |
//	     +-------+-----------------+------------------------+
//
// The header is one object. Each member but one describes a tensor: its dtype,
// its shape (a list of dims, empty for a scalar) and where its bytes lie, counted
// from the start of the data:
//
//	"weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}
//
// The member __metadata__, if there is one, is an object of strings. A file with
// one F32 scalar "t" of value 1 is these 68 bytes:
//
//	38 00 00 00 00 00 00 00                            N = 56
//	{"t":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}···   (spaces)
//	00 00 80 3f                                        1.0
//
// There are 22 dtypes, see [DType]. For those under a byte the shape counts
// elements; they must fill whole bytes.
//
// # What a reader refuses
//
// Each rule has a kind, an [ErrorKind]; the first broken in this order is
// reported, in a [*FormatError] that names the tensor, the field and the bytes:
//
//	ErrHeaderTooSmall  the file has fewer than 8 bytes
//	ErrHeaderTooLarge  N is more than 100,000,000; exactly that many is legal
//	ErrHeaderLength    8+N is more than the file has
//	ErrHeaderUTF8      the header is not UTF-8
//	ErrHeaderJSON      the header is not JSON (RFC 8259; white space before and
//	                   behind the object is legal, nothing else is), nests more
//	                   than 127 deep, holds half a surrogate pair or a number
//	                   beyond float64; an entry is not an object, lacks a field,
//	                   or has an unknown dtype or a dim or offset that is not an
//	                   integer from 0 to 2^64-1; metadata is not an object of
//	                   strings, or null
//	ErrDuplicate       a tensor, a metadata key, a field or __metadata__ stands
//	                   twice, however spelled: "\u0074" is "t"
//
// and then, tensor by tensor in the order of their ranges, so that tensors tile
// the data:
//
//	ErrOffset          its range does not begin where the last one ended (the
//	                   first: at 0), or ends before it begins
//	ErrOverflow        dims, multiplied from the left, or dims times width need
//	                   more than 64 bits: [0,2^63,2] is legal, [2^63,2,0] is not
//	ErrMisaligned      its elements do not fill whole bytes
//	ErrSize            its range is not as long as dtype and shape say
//	ErrIncomplete      the last tensor does not end where the file ends
//
// Unknown fields of an entry are checked as JSON and ignored. Values are not
// looked at: a BOOL may be 2, a float NaN. Tensors without elements are legal,
// any number of them at one place. Alignment is not demanded: readers that cast
// without looking break on files that are common.
//
// # Lenient reading
//
// The reference reader (the Rust crate safetensors) takes some files that the
// format's own text forbids. With [OpenOptions].Lenient they are taken as it
// takes them: of tensors or metadata keys of one name the last counts, and ranges
// of those before it are not looked at; an entry may be the array [dtype, shape,
// data_offsets]; a dtype may be {"F32":null}.
// Nothing that the reference refuses is taken in either mode. Of sets it takes
// what is marked below. [File.Forgiven] says what was passed over, and [Repair] makes a
// file of it that needs no lenience; it mends some faults that no reader takes as well.
//
// # Sets
//
// A large model is several files, shards, and an index: JSON, as strict as a
// header's, that names the shard of each tensor.
//
//	{"metadata":   {"total_size": 16060522496},
//	 "weight_map": {"wte.weight": "model-00001-of-00002.safetensors", ...}}
//
// [Open] takes the index, or its folder, and gives a [File] in which the set is one
// namespace: shards in the order of their names, in each the tensors in file order.
// These are faults, all of the kind ErrShardIndex, with the index as the path:
//
//   - The index is over 100,000,000 bytes, is not UTF-8, begins with a byte order
//     mark or is not JSON; weight_map is missing or is not an object of strings;
//     metadata is neither an object nor null; a key with a meaning stands twice.
//   - A shard's name is not a plain file name that ends in ".safetensors": it has a
//     separator of any system, a colon, what cannot be printed, or over 255 bytes.
//   - A shard is missing (this is no fs.ErrNotExist, which means that nothing is
//     there), or lacks a tensor that weight_map has in it.
//   - weight_map names a tensor twice. Lenient: the last counts.
//   - A shard holds a tensor that weight_map does not name, or has in another shard.
//     Lenient: weight_map decides, and the tensor in that place is not there.
//   - metadata.total_size is not the sum of the bytes of all tensors, as an integer
//     or a float. It may be absent. Lenient: it is passed over.
//   - metadata and the __metadata__ of the shards do not all have one and the same
//     "kibisis.set", if any of them has it: they are of different saves. Sets that
//     others wrote have none.
//
// Anything else in the index is passed over. An empty weight_map is an empty model.
// An index costs at most six times its length in memory while it is opened.
//
// # In memory
//
// With [OpenOptions].InMemory the files are read whole while they are opened, on
// all cores, and then let go of: what views see is plain memory, no matter what
// becomes of the file, or of the File. Headers are read and checked first, so that
// no more is allocated than the files really hold. [OpenOptions].Verify compares
// checksums as the bytes come in.
//
// # What is written
//
// All that writes is canonical: the same tensors and metadata give the same bytes,
// those of the reference. Tensors go by dtype, the widest first (U64 I64 F64 C64
// F32 U32 I32 BF16 F16 U16 I16 F8_E5M2FNUZ F8_E4M3FNUZ F8_E8M0 F8_E4M3 F8_E5M2
// I8 U8 F6_E3M2 F6_E2M3 F4 BOOL), and within a dtype by the bytes of their name.
// JSON has no white space, only what must be escaped is, metadata comes first
// with its keys sorted, and spaces pad the header so that the data begins at a
// multiple of 8: every tensor is aligned for its type. [WriteOptions].Align asks
// for a larger multiple, through more spaces. What could not be read back is
// refused.
//
// # Sets that are written
//
// [WriteShards] divides tensors as huggingface_hub does, so that both make the same files:
// in the order given, a shard takes tensors until the next one would make it larger than
// MaxSize; a tensor that is larger by itself gets a shard of its own, numbered before the
// one that is being filled. Within a shard, tensors lie as in any file. The index is laid out
// as Python's json.dump does with an indent of 2, without a final newline: total_size (the
// bytes of all tensors), then the other metadata with its keys sorted, then weight_map by
// shard, in each in the order given.
//
// Shards and index have one digest, "kibisis.set": SHA-256, cut to its first 128 bits, of
// one line for each tensor, in the order of the bytes of their names:
//
//	<length of the name in bytes>:<name> <dtype> [<dims>] <CRC-64/NVME of its bytes>\n
//	1:t F32 [] af8fe37b2c423edf\n
//
// with numbers in decimal, dims separated by commas, and the checksum as 16 lower-case hex
// digits; the second line is of the scalar above. The digest depends on what is in the set
// and not on how that is divided: saves of different weights differ, and the same model gives
// the same bytes. It guards against mistakes, a shard of yesterday's save among today's; not
// against people, since a CRC-64 is easy to forge.
//
// # How files are written
//
// [WriteFile], [Writer.Commit] and [Rewrite] make a new file beside the path and give
// it its name when it is complete. Whoever opens the path, at any moment and after any
// failure, finds the old file or the new one, whole, and programs that have the old one
// open or mapped keep it. When they return nil, the new one survives a power cut, unless
// NoSync was asked for. A new file's room is reserved first, so that a full disk is seen
// before the work. Nothing but the path and a temporary file beside it is touched; one
// that a killed program left is removed by the next write to that path.
//
// [WriteShards] does the same with the whole folder: shards and index are written into a new
// one beside it and synced; the folder's other files get second names there, and then the two
// folders change places. A program that opens a set at that very moment may find the index
// of one and shards of the other, which is an ErrShardIndex; it opens the set again.
//
// Where the system cannot keep all of that, it is said here: on Windows a folder cannot
// be synced, so that a power cut may bring back the old file, and one that somebody has
// mapped cannot be replaced; on network file systems it is as good as their rename and
// sync. Windows and some network file systems cannot make folders change places, and none
// can where the folder is a mount point: there an older set cannot be replaced ([ErrExists]).
//
// # Metadata with a meaning
//
// "format" names the library a file is meant for; loaders of the Hugging Face
// libraries refuse metadata without it. A key that is no tensor, with the name of
// one as its value, is an alias, see [File.Aliases]. Keys that begin with
// "kibisis." are ours: "kibisis.crc64nvme.<tensor>" is the CRC-64/NVME
// (polynomial 0xad93d23594c93659, as S3 offers it) of a tensor's bytes, 16
// lower-case hex digits; see [Tensor.Verify] and [File.Verify].
// They are made where [WriteOptions].Checksums asks for them: of the bytes on their way
// to a file, so that what the disk or a copy has changed since is found. [Writer.Copy]
// and [Rewrite] pass on those of tensors that they copy. "kibisis.set" is the same 32 hex
// digits in every file of a set, see above. Other readers pass over all of these.
//
// # Limits and trust
//
// Reading is safe on hostile files: no panic, and opening one allocates at most
// four times N plus 1 MiB, whatever the header claims; [OpenOptions].MaxHeader sets
// N a lower limit. Comparing checksums adds up to 2 KiB for each. What reads a tensor
// allocates its size, which a file behind an io.ReaderAt may only claim; more than the
// machine can address is an error. Nothing is ever executed.
// Names are any string, also "" and "../x": never use one as a path, and quote
// it before it goes to a terminal (errors of this package do).
//
// What memory maps cannot do is said at [Tensor.Bytes] and [File.Close]: a view
// of a file that another process truncates, or of a closed File, is memory that
// is not there. Functions that copy report it; views cannot, and where only a part
// of the file's last page is missing they read zeros: [File.Check] tells. Writing
// to the path of a mapped file through this package is safe: it makes a new file of
// that name.
//
// A File, its Tensors and its Views may be used by any number of goroutines; only
// Close needs care: it waits for reads, but not for views.
package safetensors
