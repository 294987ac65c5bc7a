package safetensors_test

import (
	"fmt"
	"log"
	"path/filepath"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A folder with an index and its shards opens as one file.
func ExampleOpen_shards() {
	f, err := safetensors.Open("../../testdata/sets/hub", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	t, err := f.Tensor("norm.weight")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(f.Shards()), "shards,", f.Len(), "tensors")
	fmt.Println(t.Name(), t.DType(), t.Shape(), "in", filepath.Base(t.Path()))
	fmt.Println(f.Aliases())
	// Output:
	// 5 shards, 9 tensors
	// norm.weight F64 [20] in model-00003-of-00005.safetensors
	// map[head.weight:embed.weight]
}
