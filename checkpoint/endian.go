package checkpoint

// This file is about machines whose numbers are big-endian: a file's never are.

import (
	"encoding/binary"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// bigEndian is a variable for the tests' sake.
var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// swapsBytes reports whether elements of d differ between memory and file.
func swapsBytes(d safetensors.DType) bool { return bigEndian && d.Bits() > 8 }

// swapBytes turns numbers of d from memory order to file order, or back.
func swapBytes(p []byte, d safetensors.DType) {
	if !swapsBytes(d) {
		return
	}
	width := d.Bits() / 8
	if d == safetensors.C64 {
		width /= 2 // two numbers
	}
	for number := range slices.Chunk(p, width) {
		slices.Reverse(number)
	}
}
