// Package metakey is the keys of a file's metadata that have a meaning here. They are part
// of the format that we write: they never change.
package metakey

const (
	// Format names the library that a file is meant for.
	Format = "format"
	// Own begins every key with a meaning of ours.
	Own = "kibisis."
	// Checksum and a tensor's name make the key of the tensor's checksum.
	Checksum = Own + "crc64nvme."
	// Set is the key of the digest that ties the files of a set together.
	Set = Own + "set"
)
