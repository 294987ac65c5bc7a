package provenance

// This file reads the linker's mark in the program that runs.

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"runtime"
)

// buildID is what `go tool buildid` prints, or "" where it is not to be found.
func buildID() string {
	path := "/proc/self/exe" // what runs, even where another was built in its place
	if runtime.GOOS != "linux" {
		var err error
		if path, err = os.Executable(); err != nil {
			return ""
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 32 << 10 // as far as the go command looks
	head, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return ""
	}
	return findBuildID(head)
}

// findBuildID looks for a note, as ELF has it, and for a line before the code, as all
// other formats do.
func findBuildID(head []byte) string {
	if id := noteBuildID(head); id != "" {
		return id
	}
	_, rest, ok := bytes.Cut(head, []byte("\xff Go build ID: \""))
	id, _, closed := bytes.Cut(rest, []byte("\"\n \xff"))
	if !ok || !closed {
		return ""
	}
	return string(id)
}

// noteBuildID finds an ELF note: the sizes of name and text, the kind, the name, the
// text.
func noteBuildID(head []byte) string {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		const kind, name = 4, "Go\x00\x00"
		mark := make([]byte, 4, 8)
		order.PutUint32(mark, kind)
		before, text, _ := bytes.Cut(head, append(mark, name...))
		if len(before) < 8 {
			continue
		}
		sizes := before[len(before)-8:]
		n := order.Uint32(sizes[4:])
		if order.Uint32(sizes) == uint32(len(name)) && uint64(n) <= uint64(len(text)) {
			return string(text[:n])
		}
	}
	return ""
}
