package checkpoint_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/fb777929/kibisis/checkpoint"
)

// A model that is too large for one file, or for those who will download it, is saved in
// shards. The folder loads like a file.
func ExampleSaveShards() {
	ctx := context.Background()
	parent, err := os.MkdirTemp("", "kibisis")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "model")

	trained, err := checkpoint.FromStruct(newLanguageModel(0.5))
	if err != nil {
		log.Fatal(err)
	}
	err = checkpoint.SaveShards(ctx, dir, trained, &checkpoint.ShardOptions{MaxSize: 160})
	if err != nil {
		log.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		fmt.Println(e.Name())
	}

	fresh := newLanguageModel(0)
	model, err := checkpoint.FromStruct(fresh)
	if err != nil {
		log.Fatal(err)
	}
	report, err := checkpoint.LoadModel(ctx, dir, model, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report)
	fmt.Println(fresh.Output.Weight.Value().Data().([]float32)[0])
	// Output:
	// model-00001-of-00002.safetensors
	// model-00002-of-00002.safetensors
	// model.safetensors.index.json
	// loaded 4 parameters, 240 B, 1 by another name
	// 0.5
}
