package checkpoint_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A language model whose output layer is its embedding.
type languageModel struct {
	Embedding struct{ Weight *gorgonia.Node }
	Hidden    struct{ Weight, Bias *gorgonia.Node }
	Output    struct{ Weight *gorgonia.Node }
}

// newLanguageModel starts with all weights at the same number.
func newLanguageModel(start float32) *languageModel {
	g := gorgonia.NewGraph()
	matrix := func(name string, rows, columns int) *gorgonia.Node {
		return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName(name),
			gorgonia.WithShape(rows, columns), gorgonia.WithInit(gorgonia.ValuesOf(start)))
	}
	m := &languageModel{}
	m.Embedding.Weight = matrix("embedding", 10, 4)
	m.Hidden.Weight, m.Hidden.Bias = matrix("weight", 4, 4), matrix("bias", 1, 4)
	m.Output.Weight = m.Embedding.Weight // tied
	return m
}

// A tied tensor is stored once, under the first of its names. The other is an alias, in
// the way of the Python package's save_model.
func Example_tied() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "kibisis")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	trained, err := checkpoint.FromStruct(newLanguageModel(0.5))
	if err != nil {
		log.Fatal(err)
	}
	if err := checkpoint.SaveModel(ctx, path, trained, nil); err != nil {
		log.Fatal(err)
	}

	f, err := safetensors.Open(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for name, t := range f.All() {
		fmt.Println(name, t.DType(), t.Shape())
	}
	fmt.Println(f.Aliases())

	fresh := newLanguageModel(0)
	model, err := checkpoint.FromStruct(fresh)
	if err != nil {
		log.Fatal(err)
	}
	report, err := checkpoint.LoadModel(ctx, path, model, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report)
	fmt.Println(fresh.Output.Weight.Value().Data().([]float32)[0])
	// Output:
	// Embedding.Weight F32 [10 4]
	// Hidden.Bias F32 [1 4]
	// Hidden.Weight F32 [4 4]
	// map[Output.Weight:Embedding.Weight]
	// loaded 4 parameters, 240 B, 1 by another name
	// 0.5
}

// A file from PyTorch has other names, keeps the weights of a Linear as (out, in), and
// its biases as (out). One function says so, for loading and for saving.
func Example_pyTorch() {
	ctx := context.Background()
	g := gorgonia.NewGraph()
	node := func(name string, rows, columns int) *gorgonia.Node { // without a value: the load makes one
		return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName(name), gorgonia.WithShape(rows, columns))
	}
	up, upBias := node("up", 4, 16), node("upBias", 1, 16) // h = x·up + upBias
	down, downBias := node("down", 16, 4), node("downBias", 1, 4)
	model := checkpoint.FromNodes(up, upBias, down, downBias)

	names := map[string]string{"up": "fc.weight", "upBias": "fc.bias", "down": "proj.weight", "downBias": "proj.bias"}
	fromPyTorch := func(param string) checkpoint.Stored {
		s := checkpoint.Stored{Name: "blocks.0.mlp." + names[param]}
		if strings.HasSuffix(param, "Bias") {
			s.Shape = []int{-1} // (1, 16) here, (16) there
		} else {
			s.Permute = []int{1, 0}
		}
		return s
	}
	report, err := checkpoint.LoadModel(ctx, "../testdata/safetensors-py-gpt2-linear.safetensors", model, &checkpoint.LoadOptions{
		Stored:          fromPyTorch,
		AllowUnexpected: true, // the rest of the GPT-2 that it is
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report)
	fmt.Println(upBias.Value().Data().([]float32)[:3])
	fmt.Println(up.Value().Data().([]float32)[:3])

	// Saved with the same function, it goes back as PyTorch has it.
	var file strings.Builder
	if err := checkpoint.WriteModel(ctx, &file, model, &checkpoint.SaveOptions{Stored: fromPyTorch}); err != nil {
		log.Fatal(err)
	}
	f, err := safetensors.OpenBytes([]byte(file.String()), nil)
	if err != nil {
		log.Fatal(err)
	}
	for name, t := range f.All() {
		fmt.Println(name, t.Shape())
	}
	// Output:
	// loaded 4 parameters, 592 B, 12 unexpected
	// [12000 12001 12002]
	// [11000 11001 11002]
	// blocks.0.mlp.fc.bias [16]
	// blocks.0.mlp.fc.weight [16 4]
	// blocks.0.mlp.proj.bias [4]
	// blocks.0.mlp.proj.weight [4 16]
}

// counter counts the bytes that are read from a file.
type counter struct {
	io.ReaderAt
	bytes int
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.bytes += n
	return n, err
}

// Of a large tensor, only the rows that are asked for are read, be the file on a disk,
// in a bucket or behind HTTP.
func Example_slice() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "kibisis")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "large.safetensors")
	table := tensor.New(tensor.WithShape(10_000, 64), tensor.WithBacking(tensor.Range(tensor.Float32, 0, 640_000)))
	model := checkpoint.FromValues(map[string]*tensor.Dense{"embedding.weight": table})
	if err := checkpoint.SaveModel(ctx, path, model, nil); err != nil {
		log.Fatal(err)
	}

	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		log.Fatal(err)
	}
	source := &counter{ReaderAt: file}
	f, err := safetensors.NewFile(source, info.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("header: read %d of %d bytes\n", source.bytes, info.Size())

	source.bytes = 0
	whole, err := f.Tensor("embedding.weight")
	if err != nil {
		log.Fatal(err)
	}
	rows, err := whole.Slice(safetensors.Range(5000, 5002))
	if err != nil {
		log.Fatal(err)
	}
	dense, err := checkpoint.Dense(rows)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("rows %v: read %d bytes, the first number is %v\n", dense.Shape(), source.bytes, dense.Data().([]float32)[0])

	// The same in a model: a parameter that is a part of what is stored.
	source.bytes = 0
	part := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(3, 64))
	_, err = checkpoint.ReadModel(ctx, f, checkpoint.FromValues(map[string]*tensor.Dense{"rows": part}), &checkpoint.LoadOptions{
		Stored: func(string) checkpoint.Stored {
			return checkpoint.Stored{Name: "embedding.weight", Slice: []safetensors.Index{safetensors.Range(-3, safetensors.End)}}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("last three rows: read %d bytes, the last number is %v\n", source.bytes, part.Data().([]float32)[3*64-1])
	// Output:
	// header: read 96 of 2560096 bytes
	// rows (2, 64): read 512 bytes, the first number is 320000
	// last three rows: read 768 bytes, the last number is 639999
}
