// Package optim has optimizers whose state can be saved, learning rates over time, and averages of
// weights. Update rules, names of slots and defaults are PyTorch's.
//
//	learnables, err := g.Grad(loss)
//	solver, err := optim.NewAdamW(learnables, &optim.AdamWOptions{LearningRate: 3e-4, WeightDecay: 0.01})
//	for ... {
//		err := machine.Run()
//		err = solver.Step(learnables)
//	}
//
// [NewSGD], [NewAdam], [NewAdamW], [NewRMSProp], [NewAdagrad] and [NewLion] each make a [Solver],
// which is a gorgonia.Solver. A [Schedule] in the options makes the rate a function of the step,
// ClipValue and ClipNorm clip gradients, and a [Group] gives some parameters settings of their own.
// [Plateau] is a schedule that waits for progress, [EMA] averages weights, and [Accumulator] averages
// the gradients of several batches.
//
// # Parameters
//
// A parameter is a gorgonia.ValueGrad with a method Name() string: what Grad of package nn returns,
// or a *gorgonia.Node. Its value is a *tensor.Dense of float32 or float64 that lies densely in row-major
// order, or a *gorgonia.F32 or *gorgonia.F64. A solver is made with all its parameters, and keeps their
// memory: load weights into values, as package checkpoint does, instead of replacing them. State
// goes by name, so a Step may be given the parameters in another order, or those of another graph that
// shares the values, such as one for another size of batch. Two parameters of one name, or of one
// memory, are an error; give a tied parameter once.
//
// Gradients are read, never written, with one exception. A *gorgonia.Node for which the machine
// was made with gorgonia.BindDualValues has a gradient that grows with each run until somebody sets it to
// zero; Step does, as Gorgonia's solvers do.
//
// # Saving
//
// A Solver saves itself: StateDict yields its slots, exp_avg.<param> and so on, and MarshalJSON
// gives the number of steps. Package runs of kibisis saves both:
//
//	run.Restore(ctx, runs.Weights(model), runs.Solver(solver, learnables, model))
//
// All slots are there from the beginning, so a new solver can be restored into, and goes on with the
// same bits as one that never stopped. Schedules follow the solver's own count of steps. Learning
// rates and other settings are the program's and stay what they are; Restored.Changed of package runs says which
// are others than before.
//
// # Arithmetic
//
// A step is one pass over parameters, gradients and slots, on all cores; ClipNorm needs
// one more over the gradients. It allocates nothing in proportion to them. Settings are float64,
// and rounded once to the parameter's type. Results agree with PyTorch's within 1e-5 of the largest
// in float32 and 1e-10 in float64, and their bits do not depend on GOMAXPROCS.
package optim
