package checkpoint

// This file says what a model is: names, and for each name a place where the
// bytes are. adapters.go, struct.go and batchnorm.go make models of things that
// are none yet.

import (
	"iter"

	"gorgonia.org/gorgonia"
)

// Model is all that saving and loading need to know about a network. Its one
// method speaks of types of Gorgonia only, so a network satisfies it without
// importing this package.
//
// StateDict yields every parameter and every buffer (such as the running
// statistics of a batch normalisation) under its name. Inputs, labels and
// results of ops are no state. The rules:
//
//   - A name is the same in every process that builds the model: it is what a
//     file is matched by. Names are unique, valid UTF-8, and by habit segments
//     joined by dots, as in "layers.0.weight".
//   - Order is free and may differ from call to call: files are sorted.
//   - A tensor with several names (tied weights) is yielded under each of them.
//   - Values are live. Loading overwrites the bytes behind Value() where they
//     are, so a Value must be the tensor that the graph computes with, never a
//     copy. Whatever else shares those bytes (other graphs, views, ties,
//     compiled machines) sees the loaded numbers.
//   - A Valuer whose Value is nil can be loaded into, but not saved. It must
//     then be a *gorgonia.Node, which is bound with [gorgonia.Let], or offer
//     Shape() tensor.Shape, Dtype() tensor.Dtype and Bind(gorgonia.Value) error.
//
// StateDict is called once for each save or load, in the caller's goroutine.
//
// While a model is saved or loaded nothing else may use its tensors: no RunAll
// of a machine, no Step of a solver. Even reading is unsafe then, because a
// backward pass transposes parameters in place and back while it runs. The time
// for a save is after Step and before the next RunAll.
type Model interface {
	StateDict() iter.Seq2[string, gorgonia.Valuer]
}

// modelFunc is a Model that is only its walk.
type modelFunc func(yield func(string, gorgonia.Valuer) bool)

func (f modelFunc) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	return iter.Seq2[string, gorgonia.Valuer](f)
}

// stateOf is m.StateDict(), and an empty walk where a Model gives no iterator.
func stateOf(m Model) iter.Seq2[string, gorgonia.Valuer] {
	if seq := m.StateDict(); seq != nil {
		return seq
	}
	return func(func(string, gorgonia.Valuer) bool) {}
}
