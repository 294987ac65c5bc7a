package checkpoint_test

import (
	"fmt"
	"log"

	"github.com/fb777929/kibisis/checkpoint"
	"gorgonia.org/gorgonia"
)

func printNames(m checkpoint.Model) {
	for name := range m.StateDict() {
		fmt.Println(name)
	}
}

func ExampleGroup() {
	g := gorgonia.NewGraph()
	w := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(2, 3), gorgonia.WithName("w"))
	temperature := gorgonia.NewScalar(g, gorgonia.Float32, gorgonia.WithName("temperature"))

	printNames(checkpoint.Group(map[string]checkpoint.Model{
		"encoder": checkpoint.FromMap(map[string]*gorgonia.Node{"weight": w}),
		"":        checkpoint.FromNodes(temperature),
	}))
	// Output:
	// temperature
	// encoder.weight
}

func ExampleFromStruct() {
	type layer struct{ w, b *gorgonia.Node }
	type net struct {
		x      *gorgonia.Node `checkpoint:"-"`   // an input
		embed  *gorgonia.Node `checkpoint:"wte"` // a name of your own
		layers []layer
		out    *gorgonia.Node // the result of an op
	}
	g := gorgonia.NewGraph()
	matrix := func(name string) *gorgonia.Node {
		return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(2, 2), gorgonia.WithName(name))
	}
	m := &net{x: matrix("x"), embed: matrix("embedding"), layers: []layer{{matrix("w0"), matrix("b0")}, {w: matrix("w1")}}}
	m.out = gorgonia.Must(gorgonia.Mul(m.x, m.embed))

	model, err := checkpoint.FromStruct(m)
	if err != nil {
		log.Fatal(err)
	}
	printNames(model)
	// Output:
	// wte
	// layers.0.w
	// layers.0.b
	// layers.1.w
}

func ExampleFromBatchNorm() {
	g := gorgonia.NewGraph()
	matrix := func(name string, rows, cols int) *gorgonia.Node {
		return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(rows, cols), gorgonia.WithName(name))
	}
	x, scale, bias := matrix("x", 8, 3), matrix("scale", 1, 3), matrix("bias", 1, 3)
	_, _, _, op, err := gorgonia.BatchNorm(x, scale, bias, 0.1, 1e-5)
	if err != nil {
		log.Fatal(err)
	}
	printNames(checkpoint.Group(map[string]checkpoint.Model{
		"":     checkpoint.FromMap(map[string]*gorgonia.Node{"bn1.weight": scale, "bn1.bias": bias}),
		"bn1":  checkpoint.FromBatchNorm(map[string]*gorgonia.BatchNormOp{"": op}),
		"more": checkpoint.FromBatchNorm(map[string]*gorgonia.BatchNormOp{"bn2": op}),
	}))
	// Output:
	// bn1.bias
	// bn1.weight
	// bn1.running_mean
	// bn1.running_var
	// more.bn2.running_mean
	// more.bn2.running_var
}
