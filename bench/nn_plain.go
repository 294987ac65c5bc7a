package main

// This file is the same networks of Gorgonia's own ops, trained with Gorgonia's own Adam.

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// noPlain is why a network is not measured in plain Gorgonia, "" where it is.
func noPlain(n network) string {
	if n.Name == transformed {
		return "a Transformer in plain Gorgonia: it has neither GELU by the error function nor layer normalisation nor attention"
	}
	return ""
}

// A plain is a network as it is being built in one graph. Errors panic, and come out of plainSubject.
type plain struct {
	network
	graph   *gorgonia.ExprGraph
	weights map[string]*tensor.Dense // shared by all graphs, as Gorgonia has them
	learned gorgonia.Nodes
	norms   map[string]*gorgonia.BatchNormOp
}

// plainSubject makes the network of a file.
func plainSubject(path string) (_ *subject, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(err, fmt.Errorf("plain Gorgonia: %v", p))
		}
	}()
	f, err := safetensors.Open(path, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := readNetwork(f)
	if err != nil {
		return nil, err
	}
	if reason := noPlain(n); reason != "" {
		return nil, errors.New(reason)
	}
	weights, err := plainWeights(f)
	if err != nil {
		return nil, err
	}
	return &subject{tasks: map[string]task{
		forwardJob: newPlain(n, weights).forward(n.Batch),
		oneJob:     newPlain(n, weights).forward(1),
		stepJob:    newPlain(n, weights).step(),
	}}, nil
}

// plainWeights reads a file, and brings its tensors into the shapes that Gorgonia takes: weights of dense
// layers are (in, out) there, and what is one number for each column or channel has the dimensions of what
// it is added to.
func plainWeights(f *safetensors.File) (map[string]*tensor.Dense, error) {
	all := map[string]*tensor.Dense{}
	for name, stored := range f.All() {
		v, err := checkpoint.Dense(stored)
		if err != nil {
			return nil, err
		}
		if v.Dims() == 2 && v.Dtype() == tensor.Float32 && name != "batch.x" {
			if err := v.T(); err != nil {
				return nil, err
			}
			if err := v.Transpose(); err != nil {
				return nil, err
			}
		}
		all[name] = v
	}
	return all, nil
}

func newPlain(n network, weights map[string]*tensor.Dense) *plain {
	return &plain{network: n, graph: gorgonia.NewGraph(), weights: weights, norms: map[string]*gorgonia.BatchNormOp{}}
}

// leaf is a node on the memory of a tensor, in this shape.
func (p *plain) leaf(name string, shape ...int) *gorgonia.Node {
	v, ok := p.weights[name]
	if !ok {
		panic("the file has no " + name)
	}
	shaped := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v.Data()))
	return gorgonia.NewTensor(p.graph, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(shaped))
}

func (p *plain) weight(name string, shape ...int) *gorgonia.Node {
	n := p.leaf(name, shape...)
	p.learned = append(p.learned, n)
	return n
}

// rows is a node of the first rows of the batch.
func (p *plain) rows(count int) *gorgonia.Node {
	shape := p.input(count)
	x := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(p.weights["batch.x"].Data().([]float32)[:shape.TotalSize()]))
	return gorgonia.NewTensor(p.graph, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName("x"), gorgonia.WithValue(x))
}

// logits adds the network.
func (p *plain) logits(x *gorgonia.Node) *gorgonia.Node {
	if p.Name == mlp {
		x = rectified(p.linear(x, "0", p.Widths[0], p.Widths[1]))
		x = rectified(p.linear(x, "2", p.Widths[1], p.Widths[2]))
		return p.linear(x, "4", p.Widths[2], p.Classes)
	}
	x = p.block(x, "0", "1", p.Widths[0], p.Widths[1])
	x = p.block(x, "4", "5", p.Widths[1], p.Widths[2])
	x = gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{x.Shape()[0], p.flat()}))
	x = rectified(p.linear(x, "9", p.flat(), p.Widths[3]))
	return p.linear(x, "11", p.Widths[3], p.Classes)
}

func rectified(x *gorgonia.Node) *gorgonia.Node { return gorgonia.Must(gorgonia.Rectify(x)) }

func (p *plain) linear(x *gorgonia.Node, name string, in, out int) *gorgonia.Node {
	w, b := p.weight(name+".weight", in, out), p.weight(name+".bias", 1, out)
	return gorgonia.Must(gorgonia.BroadcastAdd(gorgonia.Must(gorgonia.Mul(x, w)), b, nil, []byte{0}))
}

// block is a convolution, its norm, the activation and a pooling.
func (p *plain) block(x *gorgonia.Node, conv, norm string, in, out int) *gorgonia.Node {
	w, b := p.weight(conv+".weight", out, in, 3, 3), p.weight(conv+".bias", 1, out, 1, 1)
	x = gorgonia.Must(gorgonia.Conv2d(x, w, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
	x = gorgonia.Must(gorgonia.BroadcastAdd(x, b, nil, []byte{0, 2, 3}))
	scale, shift := p.weight(norm+".weight", 1, out, 1, 1), p.weight(norm+".bias", 1, out, 1, 1)
	x, _, _, op, err := gorgonia.BatchNorm(x, scale, shift, 0.1, 1e-5)
	if err != nil {
		panic(err)
	}
	p.norms[norm] = op
	return gorgonia.Must(gorgonia.MaxPool2D(rectified(x), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
}

// forward compiles the network for so many rows, in evaluation. Its statistics are those of the file.
func (p *plain) forward(rows int) task {
	out := p.logits(p.rows(rows))
	var v gorgonia.Value
	gorgonia.Read(out, &v)
	m := gorgonia.NewTapeMachine(p.graph, gorgonia.EvalMode())
	for name, op := range p.norms { // which making a machine resets
		if err := op.SetStats(p.weights[name+".running_mean"], p.weights[name+".running_var"]); err != nil {
			panic(err)
		}
	}
	run := func() error {
		defer m.Reset()
		return m.RunAll()
	}
	return task{run, func() gorgonia.Value { return v }}
}

// step compiles training.
func (p *plain) step() task {
	logProbs := gorgonia.Must(gorgonia.LogSoftMax(p.logits(p.rows(p.Batch)), 1))
	picked := gorgonia.Must(gorgonia.HadamardProd(logProbs, p.oneHot()))
	cost := gorgonia.Must(gorgonia.Neg(gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Sum(picked, 1))))))
	var v gorgonia.Value
	gorgonia.Read(cost, &v)
	if _, err := gorgonia.Grad(cost, p.learned...); err != nil {
		panic(err)
	}
	m := gorgonia.NewTapeMachine(p.graph, gorgonia.BindDualValues(p.learned...))
	solver, learnables := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(1e-3)), gorgonia.NodesToValueGrads(p.learned)
	run := func() error {
		defer m.Reset()
		if err := m.RunAll(); err != nil {
			return err
		}
		return solver.Step(learnables)
	}
	return task{run, func() gorgonia.Value { return v }}
}

// oneHot is the labels as Gorgonia needs them: it has no op that picks by index and can be differentiated.
func (p *plain) oneHot() *gorgonia.Node {
	hot := make([]float32, p.Batch*p.Classes)
	for i, label := range p.weights["batch.label"].Data().([]int64) {
		hot[i*p.Classes+int(label)] = 1
	}
	v := tensor.New(tensor.WithShape(p.Batch, p.Classes), tensor.WithBacking(hot))
	return gorgonia.NewMatrix(p.graph, tensor.Float32, gorgonia.WithShape(p.Batch, p.Classes), gorgonia.WithName("label"), gorgonia.WithValue(v))
}
