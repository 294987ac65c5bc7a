// Command gomlx saves a state with GoMLX's checkpoints, the other ones in Go, for the tables of
// `go run ./bench -runs -gomlx PROGRAM`. It is a module of its own, so that the root needs nothing of
// GoMLX's.
//
//	gomlx loop DIR SHAPES gzip|uncompressed     resume if there is something, then save again and again
//	gomlx resume DIR SHAPES gzip|uncompressed   only resume
//
// SHAPES is a file with a line for each tensor: its name and its dims. It says "resumed STEP"
// and, after each save, "saved STEP NANOSECONDS".
package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/checkpoints"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gomlx:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	const words = 4
	if len(args) != words {
		return errors.New("usage: gomlx loop|resume DIR SHAPES gzip|uncompressed")
	}
	ctx := context.New()
	if err := makeVariables(ctx, args[2]); err != nil {
		return err
	}
	format := checkpoints.BinUncompressed
	if args[3] == "gzip" {
		format = checkpoints.BinGZIP
	}
	optimizers.GetGlobalStepVar(ctx) // of those that are there, the values are loaded
	h, err := checkpoints.Build(ctx).Dir(args[1]).Keep(keep).WithCompression(format).Done()
	if err != nil {
		return err
	}
	step := optimizers.GetGlobalStep(ctx)
	fmt.Println("resumed", step)
	for args[0] == "loop" {
		step++
		if err := optimizers.GetGlobalStepVar(ctx).SetValue(tensors.FromScalar(step)); err != nil {
			return err
		}
		begin := time.Now()
		if err := h.Save(); err != nil {
			return err
		}
		fmt.Println("saved", step, time.Since(begin).Nanoseconds())
	}
	return nil
}

// keep is how many checkpoints are kept, as by kibisis.
const keep = 3

// makeVariables makes a variable for each line of shapes, of values that do not compress.
func makeVariables(ctx *context.Context, shapes string) (err error) {
	f, err := os.Open(shapes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	random := rand.NewPCG(1, 2)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		n, dims := 1, make([]int, len(words)-1)
		for i, word := range words[1:] {
			if dims[i], err = strconv.Atoi(word); err != nil {
				return err
			}
			n *= dims[i]
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = (float32(random.Uint64()>>40)/(1<<24) - 0.5) * 0.2
		}
		ctx.VariableWithValue(words[0], tensors.FromFlatDataAndDimensions(values, dims...))
	}
	return lines.Err()
}
