package nn_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/fb777929/kibisis/nn"
	"github.com/fb777929/kibisis/nn/optim"
)

// A network learns exclusive or in one graph, and is asked in another, over the same weights.
func Example() {
	s := nn.NewScope(1)
	net := nn.Sequential{
		nn.NewLinear(s.Index(0), 2, 8, nil),
		nn.Tanh,
		nn.NewLinear(s.Index(2), 8, 2, nil),
	}
	g := nn.TrainGraph(rand.NewPCG(1, 2))
	x, labels := g.Input("x", tensor.Float32, 4, 2), g.Input("labels", tensor.Int, 4)
	loss := nn.CrossEntropy(g, net.Forward(g, x), labels, nil)
	learnables, err := g.Grad(loss)
	if err != nil {
		panic(err)
	}
	machine, err := g.Machine()
	if err != nil {
		panic(err)
	}
	solver, err := optim.NewAdam(learnables, &optim.AdamOptions{LearningRate: 0.05})
	if err != nil {
		panic(err)
	}
	copy(x.Value().Data().([]float32), []float32{0, 0, 0, 1, 1, 0, 1, 1})
	copy(labels.Value().Data().([]int), []int{0, 1, 1, 0})
	for range 200 {
		if err := machine.Run(); err != nil {
			panic(err)
		}
		if err := solver.Step(learnables); err != nil {
			panic(err)
		}
	}

	one := nn.EvalGraph()
	question := one.Input("x", tensor.Float32, 1, 2)
	answer := nn.Softmax(one, net.Forward(one, question))
	asked, err := one.Machine()
	if err != nil {
		panic(err)
	}
	for _, bits := range [][]float32{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
		copy(question.Value().Data().([]float32), bits)
		if err := asked.Run(); err != nil {
			panic(err)
		}
		fmt.Println(bits, answer.Value().Data().([]float32)[1] > 0.9)
	}
	// Output:
	// [0 0] false
	// [0 1] true
	// [1 0] true
	// [1 1] false
}

// A body comes out of a mapped file, and is frozen; the head over it is new.
func ExampleScope_Using() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "body.safetensors")
	trained := nn.NewScope(7)
	nn.NewLinear(trained.Sub("fc"), 3, 4, nil)
	if err := checkpoint.SaveModel(context.Background(), path, trained, nil); err != nil {
		panic(err)
	}

	f, err := safetensors.Open(path, &safetensors.OpenOptions{CopyOnWrite: true})
	if err != nil {
		panic(err)
	}
	defer f.Close()
	lender := checkpoint.NewLender(f)
	s := nn.NewScope(1)
	body := s.Sub("body").Using(lender.Take)
	net := nn.Sequential{nn.NewLinear(body.Sub("fc"), 3, 4, nil), nn.ReLU, nn.NewLinear(s.Sub("head"), 4, 2, nil)}
	body.Freeze()
	fmt.Println(s.Err(), lender.Unused())

	g := nn.TrainGraph(nil)
	labels := g.Input("labels", tensor.Int, 5)
	learnables, err := g.Grad(nn.CrossEntropy(g, net.Forward(g, g.Input("x", tensor.Float32, 5, 3)), labels, nil))
	for _, l := range learnables {
		fmt.Println(l.(*nn.Learnable).Name())
	}
	fmt.Println(err)
	// Output:
	// <nil> <nil>
	// head.weight
	// head.bias
	// <nil>
}
