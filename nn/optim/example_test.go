package optim_test

import (
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/optim"
)

// A line through four points, in plain Gorgonia: y = 2x - 1.
func Example() {
	g := G.NewGraph()
	vector := func(name string, x ...float64) *G.Node {
		value := tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x))
		return G.NewVector(g, tensor.Float64, G.WithName(name), G.WithShape(len(x)), G.WithValue(value))
	}
	x, y := vector("x", 0, 1, 2, 3), vector("y", -1, 1, 3, 5)
	weight := G.NewScalar(g, tensor.Float64, G.WithName("weight"), G.WithValue(0.0))
	bias := G.NewScalar(g, tensor.Float64, G.WithName("bias"), G.WithValue(0.0))
	line := G.Must(G.Add(G.Must(G.Mul(x, weight)), bias))
	loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(line, y))))))
	if _, err := G.Grad(loss, weight, bias); err != nil {
		panic(err)
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()

	const steps = 300
	learnables := G.NodesToValueGrads(G.Nodes{weight, bias})
	solver, err := optim.NewAdamW(learnables, &optim.AdamWOptions{
		LearningRate: 0.1,
		WeightDecay:  0.01,
		ClipNorm:     1,
		Schedule:     optim.WarmUp{Steps: 10, Then: optim.Cosine{Steps: steps - 10}},
		Groups: []optim.Group[optim.AdamWOptions]{{
			Match: func(name string) bool { return strings.HasSuffix(name, "bias") },
			Set:   func(o *optim.AdamWOptions) { o.WeightDecay = 0 },
		}},
	})
	if err != nil {
		panic(err)
	}
	for step := range steps {
		if err := vm.RunAll(); err != nil {
			panic(err)
		}
		if step%100 == 10 {
			fmt.Printf("step %3d: rate %.4f, loss %.4f\n", step, solver.Rates()[0], loss.Value().Data())
		}
		if err := solver.Step(learnables); err != nil {
			panic(err)
		}
		vm.Reset()
	}
	fmt.Printf("y = %.2fx %+.2f\n", weight.Value().Data(), bias.Value().Data())
	// Output:
	// step  10: rate 0.1000, loss 3.7779
	// step 110: rate 0.0734, loss 0.0000
	// step 210: rate 0.0219, loss 0.0000
	// y = 2.00x -1.00
}

// An average of weights is evaluated in place of the weights, and they come back.
func ExampleEMA() {
	w := vector("w", 2, 1, 10) // both elements are 1, and both gradients 10
	params := asParams(w)
	solver, err := optim.NewSGD(params, &optim.SGDOptions{LearningRate: 0.1})
	if err != nil {
		panic(err)
	}
	ema, err := optim.NewEMA(params, 0.5)
	if err != nil {
		panic(err)
	}
	for range 3 {
		if err := solver.Step(params); err != nil {
			panic(err)
		}
		if err := ema.Update(); err != nil {
			panic(err)
		}
	}
	evaluate := func() error {
		if err := ema.Swap(); err != nil {
			return err
		}
		fmt.Println("average", w.Value())
		return ema.Swap()
	}
	if err := evaluate(); err != nil {
		panic(err)
	}
	fmt.Println("weights", w.Value())
	// Output:
	// average [-1.25  -1.25]
	// weights [-2  -2]
}
