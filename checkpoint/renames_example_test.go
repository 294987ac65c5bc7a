package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A file whose names are others: the plan is made once, reviewed, kept, and replayed.
func ExampleProposeRenames() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "kibisis")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "theirs.safetensors")
	zeros := func(shape ...int) *tensor.Dense {
		return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	}
	theirs := checkpoint.FromValues(map[string]*tensor.Dense{"classifier.weight": zeros(784, 10), "classifier.bias": zeros(10), "aux": zeros(3)})
	if err := checkpoint.SaveModel(ctx, path, theirs, nil); err != nil {
		panic(err)
	}

	model := checkpoint.FromValues(map[string]*tensor.Dense{"fc.weight": zeros(784, 10), "fc.bias": zeros(10)})
	_, err = checkpoint.LoadModel(ctx, path, model, nil)
	if !errors.Is(err, checkpoint.ErrMismatch) {
		panic(err)
	}
	f, err := safetensors.Open(path, nil)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	plan, err := checkpoint.ProposeRenames(f, model, nil)
	if err != nil {
		panic(err)
	}
	fmt.Print(plan)

	reviewed, err := checkpoint.ParseRenames([]byte(plan.String()))
	if err != nil {
		panic(err)
	}
	report, err := checkpoint.LoadModel(ctx, path, model, reviewed.LoadOptions(nil))
	fmt.Println(report, err)
	// Output:
	// # kibisis renames 1
	// # model parameter <- tensor in the file
	// fc.bias   <- classifier.bias   # the only F32 [10] on both sides
	// fc.weight <- classifier.weight # the only F32 [784 10] on both sides
	// -         <- aux               # in the file only: passed over
	// loaded 2 parameters, 31 KiB, 1 unexpected <nil>
}
