// Package nn is layers for Gorgonia whose names, layouts and numbers are PyTorch's.
//
// A [Scope] gives names to parameters as a model is built, and values to begin with: from a
// seed, or from a file. A [Param] owns its values and lends them to any number of graphs, so
// that the graph that trains, the one that evaluates and those of other batch sizes have one
// set of weights. A [Graph] is one of them: layers add nodes to it.
//
//	s := nn.NewScope(1)
//	net := nn.Sequential{
//		nn.NewLinear(s.Index(0), 784, 128, nil),
//		nn.ReLU,
//		nn.NewLinear(s.Index(2), 128, 10, nil),
//	}
//	g := nn.TrainGraph(rand.NewPCG(1, 2)) // the source of dropout
//	x, label := g.Input("x", tensor.Float32, 64, 784), g.Input("label", tensor.Int, 64)
//	loss := nn.CrossEntropy(g, net.Forward(g, x), label, nil)
//	learnables, err := g.Grad(loss)
//	machine, err := g.Machine()
//	for ... {
//		// overwrite the values of x and label
//		err = machine.Run()
//		err = solver.Step(learnables)
//	}
//
// # Errors
//
// While a model is built, and while a graph is, the first error is kept, and what comes after it
// does nothing. [Scope.Err] and [Graph.Err] tell it; [Graph.Grad] and [Graph.Machine] return it too,
// so that it cannot be missed. It names the layer by its path.
//
// # Saving and loading
//
// A Scope has the method StateDict that package checkpoint asks for: it yields parameters and
// buffers under the names that the same model has in PyTorch, tied ones under each of their
// names. Saving and loading must not happen while a machine runs.
//
// # What may run at once
//
// A graph and its machine serve one goroutine. Graphs that share parameters may run at the same
// time as long as none of them trains. The bits of a result do not depend on GOMAXPROCS.
//
// # Speed
//
// [UseBLAS] says what multiplies matrices: OpenBLAS, where the system has it, or gonum. [Profile] tells how
// long each op takes. With the environment variable KIBISIS_NOASM=1 nothing is computed in assembly.
package nn
