package solver

// This file is the table of Gorgonia's solvers, with every field of each as it is in
// knownVersion, and what the field means.

import (
	"reflect"

	"gorgonia.org/gorgonia"
)

// knownVersion is the version of Gorgonia whose solvers are in the table.
const knownVersion = "v0.9.18"

// A kind is one of Gorgonia's solvers.
type kind struct {
	name   string
	typ    reflect.Type
	fields []field
	memory string   // the field with the slots; "" for a solver that remembers nothing
	slots  []string // the slots, which are the first fields of entry
	entry  []field  // of the struct that memory has for each parameter
	whole  bool     // positions have slots all or none
}

// byNode reports whether the solver remembers parameters by node, not by position.
func (k *kind) byNode() bool { return k.memory == "states" }

// A field is a private field of a struct of Gorgonia's.
type field struct {
	name, typ string // as reflect prints them
	setting   string // the name in Settings; with number too, it is a setting until the first Step
	when      string // the field that says whether the setting is in use
	number    string // the name in Numbers
}

const (
	float = "float64"
	value = "gorgonia.Value"
	dense = "tensor.Tensor"
	duals = "[]*gorgonia.dualValue"
)

// setting is a hyperparameter that is always in use.
func setting(name, as string) field { return field{name: name, typ: float, setting: as} }

// optional is one that is in use if another field says so.
func optional(name, when string) field {
	return field{name: name, typ: float, setting: name, when: when}
}

// plain is a field that is neither read nor written by its own name here.
func plain(name, typ string) field { return field{name: name, typ: typ} }

// dualValue is what all but AdamW keep for each parameter.
var dualValue = []field{plain("Value", value), plain("d", value)}

var kinds = []kind{
	{
		name: "vanilla",
		typ:  reflect.TypeFor[gorgonia.VanillaSolver](),
		fields: []field{
			setting("eta", "eta"),
			optional("clip", "useClip"),
			optional("l1reg", "useL1Reg"),
			optional("l2reg", "useL2Reg"),
			setting("batch", "batch"),
			plain("useClip", "bool"), plain("useL1Reg", "bool"), plain("useL2Reg", "bool"),
		},
	},
	{
		name: "momentum",
		typ:  reflect.TypeFor[gorgonia.Momentum](),
		fields: []field{
			setting("eta", "eta"),
			setting("momentum", "momentum"),
			optional("clip", "useClip"),
			optional("l1reg", "useL1Reg"),
			optional("l2reg", "useL2Reg"),
			setting("batch", "batch"),
			plain("useClip", "bool"), plain("useL1Reg", "bool"), plain("useL2Reg", "bool"),
			plain("cache", duals),
		},
		memory: "cache",
		slots:  []string{"momentum_buffer"},
		entry:  dualValue,
	},
	{
		name: "rmsprop",
		typ:  reflect.TypeFor[gorgonia.RMSPropSolver](),
		fields: []field{
			setting("decay", "rho"),
			setting("eps", "eps"),
			optional("l2reg", "useL2Reg"),
			optional("clip", "useClip"),
			setting("eta", "eta"),
			plain("useClip", "bool"), plain("useL2Reg", "bool"),
			plain("cache", duals),
		},
		memory: "cache",
		slots:  []string{"square_avg"},
		entry:  dualValue,
	},
	{
		name: "adagrad",
		typ:  reflect.TypeFor[gorgonia.AdaGradSolver](),
		fields: []field{
			setting("eta", "eta"),
			setting("eps", "eps"),
			plain("l1Reg", float), // nothing reads it
			optional("l2reg", "useL2Reg"),
			optional("clip", "useClip"),
			plain("useL2Reg", "bool"), plain("useClip", "bool"),
			plain("cache", duals),
		},
		memory: "cache",
		slots:  []string{"sum"},
		entry:  dualValue,
	},
	{
		name: "adam",
		typ:  reflect.TypeFor[gorgonia.AdamSolver](),
		fields: []field{
			setting("eta", "eta"),
			setting("eps", "eps"),
			setting("beta1", "beta1"),
			setting("beta2", "beta2"),
			optional("clip", "useClip"),
			optional("l1reg", "useL1Reg"),
			optional("l2reg", "useL2Reg"),
			setting("batch", "batch"),
			plain("useClip", "bool"), plain("useL1Reg", "bool"), plain("useL2Reg", "bool"),
			{name: "iter", typ: "int", number: stepNumber},
			plain("cache", duals),
		},
		memory: "cache",
		slots:  []string{"exp_avg", "exp_avg_sq"},
		entry:  dualValue,
	},
	{
		name: "adamw",
		typ:  reflect.TypeFor[gorgonia.AdamW](),
		fields: []field{
			setting("η", "eta"),
			plain("ε", float), // nothing reads it: the next but one is used
			setting("λ", "weight_decay"),
			setting("ɛ", "eps"),
			setting("β1", "beta1"),
			setting("β2", "beta2"),
			optional("clip", "useClip"),
			optional("l1reg", "useL1Reg"),
			optional("l2reg", "useL2Reg"),
			setting("batch", "batch"),
			plain("useL1Reg", "bool"), plain("useL2Reg", "bool"), plain("useClip", "bool"),
			{name: "iter", typ: float, number: stepNumber},
			plain("states", "map[*gorgonia.Node]*gorgonia.adamwState"),
		},
		memory: "states",
		slots:  []string{"exp_avg", "exp_avg_sq"},
		entry:  []field{plain("expMA", dense), plain("expMASq", dense), plain("denom", dense)},
	},
	{
		name: "barzilai-borwein",
		typ:  reflect.TypeFor[gorgonia.BarzilaiBorweinSolver](),
		fields: []field{
			{name: "eta", typ: float, setting: "eta", number: "eta"},
			optional("clip", "useClip"),
			plain("useClip", "bool"),
			plain("prevDV", duals),
		},
		memory: "prevDV",
		slots:  []string{"prev_param", "prev_grad"},
		entry:  dualValue,
		whole:  true,
	},
}

// stepNumber is the number of Steps taken.
const stepNumber = "step"
