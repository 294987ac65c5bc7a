package checkpoint

// This file decides by type alone what a walk over a struct looks into. That keeps
// it out of training data, loggers and locks, and finds tags that name nothing.

import (
	"reflect"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var (
	modelType     = reflect.TypeFor[Model]()
	valuerType    = reflect.TypeFor[gorgonia.Valuer]()
	valueType     = reflect.TypeFor[gorgonia.Value]()
	graphType     = reflect.TypeFor[*gorgonia.ExprGraph]()
	nodeType      = reflect.TypeFor[*gorgonia.Node]()
	batchNormType = reflect.TypeFor[*gorgonia.BatchNormOp]()
	slotType      = reflect.TypeFor[*gorgonia.Value]()

	gorgoniaPath = reflect.TypeFor[gorgonia.Node]().PkgPath()
	tensorPath   = reflect.TypeFor[tensor.Dense]().PkgPath()
)

// standardPackages declare types that hold interfaces or values of any type, most of
// them guarded by locks that a walk cannot take. The rest of the standard library
// leads nowhere, and is left alone for that.
var standardPackages = []string{
	"bufio", "container/list", "container/ring", "context", "database/sql", "expvar", "flag", "log", "log/slog",
	"net", "net/http", "os", "os/exec", "reflect", "runtime", "sync", "sync/atomic", "testing", "text/template", "time",
}

// isGorgonia holds for the packages of Gorgonia's two modules, not for libraries
// built on them.
func isGorgonia(path string) bool {
	return strings.HasPrefix(path+"/", gorgoniaPath+"/") || strings.HasPrefix(path+"/", tensorPath+"/")
}

// tensorTypes answers whether values of a type can lead to a tensor. One is made
// for each walk; it remembers its answers.
type tensorTypes map[reflect.Type]bool

// hold reports whether a value of type t can be, or lead to, a tensor.
func (k tensorTypes) hold(t reflect.Type) bool {
	answer, known := k[t]
	if !known {
		// Answers on the way are not remembered: within a cycle of types they can be
		// wrong until the search is over.
		answer = reachesTensor(t, map[reflect.Type]bool{})
		k[t] = answer
	}
	return answer
}

// reachesTensor searches depth first; seen are the types it has asked about.
func reachesTensor(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true // unknown until there is a value
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return isTaken(t) || reachesTensor(t.Elem(), seen)
	case reflect.Struct:
		return isTaken(t) || isEntered(t) && fieldsReachTensor(t, seen)
	}
	return isTaken(t)
}

func fieldsReachTensor(t reflect.Type, seen map[reflect.Type]bool) bool {
	for i := range t.NumField() {
		if f := t.Field(i); !leftOut(f) && reachesTensor(f.Type, seen) {
			return true
		}
	}
	return false
}

// isEntered reports whether a walk looks at the fields of struct type t.
func isEntered(t reflect.Type) bool {
	return !isGorgonia(t.PkgPath()) && !slices.Contains(standardPackages, t.PkgPath())
}

// isTaken reports whether a value of type t, or a pointer to it, is taken as it is
// and not looked into.
func isTaken(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer {
		t = reflect.PointerTo(t) // has the methods of t, and those on *t
	}
	switch {
	case t == nodeType, t == batchNormType, t.Implements(valueType):
		return true
	case isGorgonia(t.Elem().PkgPath()): // such as the ops of constants, which are Valuers
		return false
	}
	return t.Implements(valuerType) || t.Implements(modelType)
}

// isTakenByValue reports whether a value of type t is taken for its own methods, not
// for those on a pointer to it, so that a copy of it does as well.
func isTakenByValue(t reflect.Type) bool {
	return t.Implements(valuerType) || t.Implements(modelType) || t.Implements(valueType)
}

// leftOut holds for fields that a walk never looks at.
func leftOut(f reflect.StructField) bool {
	return f.Name == "_" || f.Tag.Get(tagKey) == "-"
}

// isPromoted holds for embedded fields that add no segment to names.
func isPromoted(f reflect.StructField) bool {
	if _, tagged := f.Tag.Lookup(tagKey); !f.Anonymous || tagged {
		return false
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface {
		return t.Implements(modelType)
	}
	return reflect.PointerTo(t).Implements(modelType) || t.Kind() == reflect.Struct && !isTaken(t)
}
