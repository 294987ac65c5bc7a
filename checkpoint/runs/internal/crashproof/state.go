package crashproof

// This file makes up what is saved: small files, no two alike.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"unsafe"

	"github.com/minio/crc64nvme"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// The files of a state. The weights are one block of the disk and a bit, so that a cut can
// tear them; the optimizer's are often linked, because they often do not change.
const (
	weightsFile   = "model.safetensors"
	optimizerFile = "optimizer.safetensors"
	stateFile     = "state.json"

	weightsSize   = 4700      // bytes
	directSize    = 1<<20 + 1 // of weights that go straight to the disk, all but a bit
	optimizerSize = 900
	headerSize    = 300 // of the weights: bytes that are right only when all others were seen
	tensorName    = "layers.0.weight"
)

// A state is the files of one checkpoint.
type state struct {
	serial int // of all states of a story
	files  map[string][]byte
}

// newState is the state of that number, with so many bytes of weights: the same number, the same bytes.
func newState(serial, weights int) state {
	rng := rand.NewChaCha8([32]byte{byte(serial), byte(serial >> 8)})
	return state{serial, map[string][]byte{
		weightsFile:   noise(rng, weights),
		optimizerFile: noise(rng, optimizerSize),
		stateFile:     fmt.Appendf(nil, `{"serial": %d}`, serial),
	}}
}

func noise(rng *rand.ChaCha8, size int) []byte {
	b := make([]byte, size)
	_, _ = rng.Read(b) // never fails
	return b
}

// extra is what the manifest says of the state.
func (s state) extra() json.RawMessage { return fmt.Appendf(nil, `{"serial":%d}`, s.serial) }

func (s state) equal(o state) bool {
	if len(s.files) != len(o.files) {
		return false
	}
	for name, b := range s.files {
		if !bytes.Equal(b, o.files[name]) {
			return false
		}
	}
	return true
}

// sizes is what a store wants to know before.
func (s state) sizes() map[string]int64 {
	sizes := map[string]int64{}
	for name, b := range s.files {
		sizes[name] = int64(len(b))
	}
	return sizes
}

// data is one file for the store. The header of the weights comes late, as that of an image with checksums does.
func (s state) data(name string) store.Data {
	content := s.files[name]
	if name != weightsFile {
		return store.Data{Bytes: content}
	}
	b := aligned(content)
	clear(b[:headerSize])
	return store.Data{Bytes: b, Late: headerSize, Finish: func(context.Context) (store.Sum, map[string]*store.Tensor, error) {
		copy(b, content[:headerSize])
		tensor := &store.Tensor{Range: [2]int64{headerSize, int64(len(content))}, CRC: sum(content[headerSize:])}
		return sum(content), map[string]*store.Tensor{tensorName: tensor}, nil
	}}
}

// aligned is a copy that direct writes take.
func aligned(content []byte) []byte {
	const align = store.DirectAlign
	b := make([]byte, len(content)+2*align)
	off := align - int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))%align)
	copy(b[off:], content)
	return b[off : off+len(content)]
}

func sum(b []byte) store.Sum {
	h := crc64nvme.New()
	_, _ = h.Write(b) // a hash never fails
	return store.Sum(h.Sum64())
}
