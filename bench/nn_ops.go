package main

// This file is the table of the ops of a training step, ours beside PyTorch's.

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// opKinds are kinds of ops, with what names of ours and of PyTorch's of that kind have in them. The first
// kind that fits counts.
var opKinds = []struct {
	name  string
	parts []string
}{
	{"attention", []string{"attention"}},
	{"convolution", []string{"conv"}},
	{"normalisation", []string{"norm"}},
	{"activation", []string{"relu", "gelu", "threshold_backward", "clamp_min"}},
	{"pooling", []string{"pool"}},
	{"loss", []string{"cross_entropy", "log_softmax", "nll_loss"}},
	{"optimizer", []string{"adamw"}},
	{"products", []string{"linear", "addmm", "::mm", "::bmm", "::matmul"}},
}

const otherOps = "sums, copies, shapes"

// kindOf is "" for the parts of PyTorch's machinery, which have the names of ops in theirs.
func kindOf(op string) string {
	op = strings.ToLower(op)
	if strings.HasPrefix(op, "autograd::") || strings.HasPrefix(op, "optimizer.") || strings.HasSuffix(op, "backward0") || strings.HasSuffix(op, "backward1") {
		return ""
	}
	for _, kind := range opKinds {
		if slices.ContainsFunc(kind.parts, func(part string) bool { return strings.Contains(op, part) }) {
			return kind.name
		}
	}
	return otherOps
}

// An opTime is an op, or a kind of them, in one step.
type opTime struct {
	name string
	took time.Duration
}

// byKind is the ops of each kind, the longest first.
func byKind(ops map[string]float64) map[string][]opTime {
	kinds := map[string][]opTime{}
	for _, op := range slices.Sorted(maps.Keys(ops)) {
		if kind := kindOf(op); kind != "" {
			kinds[kind] = append(kinds[kind], opTime{op, seconds(ops[op])})
		}
	}
	for _, list := range kinds {
		slices.SortStableFunc(list, func(a, b opTime) int { return cmp.Compare(b.took, a.took) })
	}
	return kinds
}

func total(ops []opTime) (sum time.Duration) {
	for _, op := range ops {
		sum += op.took
	}
	return sum
}

// longest spells the first ops, but for those that hardly count.
func longest(ops []opTime) string {
	const most = 3
	var texts []string
	for _, op := range ops[:min(most, len(ops))] {
		if 50*op.took >= total(ops) {
			texts = append(texts, strings.TrimPrefix(op.name, "aten::")+" "+ms(op.took))
		}
	}
	return strings.Join(texts, ", ")
}

// opsSheet compares the ops of two steps by their kinds.
func opsSheet(n network, answers map[string]answer) *sheet {
	sh := &sheet{
		title:  n.Name + ": ops of one training step",
		header: []string{"kind", "nn", pytorchName, "to " + pytorchName, "nn's", pytorchName + "'s"},
	}
	ours, theirs := answers[oursName], answers[pytorchName]
	ourKinds, theirKinds := byKind(ours.Ops), byKind(theirs.Ops)
	add := func(name string, a, b time.Duration, aText, bText string) {
		both := ""
		if a > 0 && b > 0 {
			both = ratio(a, b)
		}
		sh.add(name, ours.cell(a), theirs.cell(b), both, aText, bText)
	}
	names := []string{}
	for _, kind := range opKinds {
		names = append(names, kind.name)
	}
	for _, kind := range append(names, otherOps) {
		a, b := ourKinds[kind], theirKinds[kind]
		if len(a)+len(b) > 0 {
			add(kind, total(a), total(b), longest(a), longest(b))
		}
	}
	add("outside of ops", outside(ours), outside(theirs), "", "")
	add("the step", seconds(ours.Seconds), seconds(theirs.Seconds), "", "")
	return sh
}

// cell spells the time of a kind.
func (a answer) cell(took time.Duration) string {
	switch {
	case len(a.Ops) == 0:
		return "not run"
	case took == 0:
		return ""
	}
	return ms(took)
}

// outside is what a step took beside its ops.
func outside(a answer) time.Duration {
	rest := seconds(a.Seconds)
	for _, ops := range byKind(a.Ops) {
		rest -= total(ops)
	}
	return max(0, rest)
}

func seconds(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }
