package floats

// This file finds a decoder by the name that safetensors gives the format.

var decoders = map[string]func(dst []float32, src []byte){
	"F16":         DecodeF16,
	"BF16":        DecodeBF16,
	"F8_E5M2":     DecodeF8E5M2,
	"F8_E4M3":     DecodeF8E4M3,
	"F8_E8M0":     DecodeF8E8M0,
	"F8_E5M2FNUZ": DecodeF8E5M2FNUZ,
	"F8_E4M3FNUZ": DecodeF8E4M3FNUZ,
	"F6_E3M2":     DecodeF6E3M2,
	"F6_E2M3":     DecodeF6E2M3,
	"F4":          DecodeF4,
}

// Decoder returns the Decode function of a format, nil for a name that is none
// of this package's.
func Decoder(name string) func(dst []float32, src []byte) { return decoders[name] }
