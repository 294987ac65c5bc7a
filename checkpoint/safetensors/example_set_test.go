package safetensors_test

import (
	"context"
	"fmt"
	"log"
	"os"
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

// Tensors go to shards in their order, at most MaxSize bytes to each. The set appears as one.
func ExampleWriteShards() {
	parent, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "model")
	most, err := safetensors.ParseSize("0.01 kB") // "5GB" for real models
	if err != nil {
		log.Fatal(err)
	}
	err = safetensors.WriteShards(context.Background(), dir, []safetensors.Source{
		{Name: "embed", DType: safetensors.U8, Shape: []int{6}, Data: []byte("embeds")},
		{Name: "body", DType: safetensors.U8, Shape: []int{5}, Data: []byte("torso")},
		{Name: "head", DType: safetensors.U8, Shape: []int{4}, Data: []byte("head")},
	}, &safetensors.ShardOptions{
		MaxSize:      most,
		WriteOptions: safetensors.WriteOptions{Metadata: map[string]string{"step": "1000"}},
	})
	if err != nil {
		log.Fatal(err)
	}

	index, err := os.ReadFile(filepath.Join(dir, "model.safetensors.index.json"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(index))
	f, err := safetensors.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Names())
	// Output:
	// {
	//   "metadata": {
	//     "total_size": 15,
	//     "kibisis.set": "7baea3ba3ef20ac26d534d785fd28109",
	//     "step": "1000"
	//   },
	//   "weight_map": {
	//     "embed": "model-00001-of-00002.safetensors",
	//     "body": "model-00002-of-00002.safetensors",
	//     "head": "model-00002-of-00002.safetensors"
	//   }
	// }
	// [embed body head]
}
