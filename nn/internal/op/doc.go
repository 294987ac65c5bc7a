// Package op makes differentiable Gorgonia ops of functions on slices.
//
// A [Function] is the arithmetic, forward and backward. [Apply] makes a node of it that is safe
// where ops of Gorgonia are not: each node has an output of its own, allocated once and
// overwritten in each run; no output shares memory with an input; no node is ever merged with
// another; a run that is warm allocates no data. All gradients of a node are computed together
// by one node, and only those that something needs.
//
// Values of nodes are valid until the next run. A graph serves one goroutine.
package op
