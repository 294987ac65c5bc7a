package checkpoint

// This file goes through a struct and lists the tensors in it, in the order of
// fields. It is run anew for each StateDict.

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"gorgonia.org/gorgonia"
)

// walkLimit is the number of fields, elements and pointers that one walk looks at,
// at most. Only structs that refer to each other in very many ways come near: the
// number of ways through them grows exponentially, and each is a name.
const walkLimit = 1 << 18

// foundTensor is one entry of a StateDict. A nil valuer stands for something wrong
// at that name, and whoever reads the StateDict refuses it.
type foundTensor struct {
	name   string
	path   string // the Go expression, for messages
	valuer gorgonia.Valuer
	slot   *gorgonia.Value // the variable that the value was found in, if any
}

// structWalk is the state of one walk.
type structWalk struct {
	entries  []foundTensor
	problems []string
	types    tensorTypes
	graphs   map[*gorgonia.ExprGraph]bool // those in fields, and those of nodes seen, results too
	onWay    map[visitKey]bool            // what the walk is inside of: meeting it again ends a cycle
	left     int                          // of walkLimit
}

// walkStruct lists the tensors in the struct v, which must be addressable.
func walkStruct(v reflect.Value) *structWalk {
	w := &structWalk{
		types:  tensorTypes{},
		graphs: map[*gorgonia.ExprGraph]bool{},
		onWay:  map[visitKey]bool{},
		left:   walkLimit,
	}
	w.descend(v, structPlace{path: v.Type().String()})
	w.dropReads()
	return w
}

// structPlace is where the walk stands.
type structPlace struct {
	name   string
	path   string // the Go expression, for messages
	copied bool   // in a copy of what a map or an interface holds, which has no address
}

func (p structPlace) child(segment, selector string) structPlace {
	if p.name != "" {
		segment = p.name + "." + segment
	}
	return structPlace{segment, p.path + selector, p.copied}
}

func (p structPlace) field(f reflect.StructField) structPlace {
	if isPromoted(f) {
		return structPlace{p.name, p.path + "." + f.Name, p.copied}
	}
	segment, tagged := f.Tag.Lookup(tagKey)
	if !tagged {
		segment = f.Name
	}
	return p.child(segment, "."+f.Name)
}

func (p structPlace) index(i int) structPlace {
	s := strconv.Itoa(i)
	return p.child(s, "["+s+"]")
}

func (p structPlace) key(k string) structPlace { return p.child(k, fmt.Sprintf("[%q]", k)) }

// refuse records a problem, and an entry that makes any later reader stop as well.
func (w *structWalk) refuse(at structPlace, format string, args ...any) {
	w.problems = append(w.problems, at.path+" "+fmt.Sprintf(format, args...))
	w.entries = append(w.entries, foundTensor{name: at.name, path: at.path})
}

func (w *structWalk) add(at structPlace, v gorgonia.Valuer) {
	w.entries = append(w.entries, foundTensor{name: at.name, path: at.path, valuer: v})
}

// visit lists what is at v: v itself, or what it leads to.
func (w *structWalk) visit(v reflect.Value, at structPlace) {
	if isNilRef(v) || !w.types.hold(v.Type()) || !w.count(at) {
		return
	}
	if !v.CanAddr() {
		v, at.copied = addressableCopy(v), true
	}
	switch {
	case v.Kind() == reflect.Interface:
		w.dynamic(v, at)
	case isTaken(v.Type()):
		w.take(v, at)
	default:
		w.descend(v, at)
	}
}

// count reports whether the walk may look at one thing more.
func (w *structWalk) count(at structPlace) bool {
	if w.left--; w.left == 0 {
		w.refuse(at, "is as far as the walk goes, after %d fields and elements: leave out references with the tag %q", walkLimit, "-")
	}
	return w.left > 0
}

// dynamic visits what an interface holds.
func (w *structWalk) dynamic(v reflect.Value, at structPlace) {
	before := len(w.entries)
	w.visit(v.Elem(), at)
	if v.Type() != valueType {
		return
	}
	for i := range w.entries[before:] {
		w.entries[before+i].slot = v.Addr().Interface().(*gorgonia.Value)
	}
}

// take lists a value whose type says that it is one.
func (w *structWalk) take(v reflect.Value, at structPlace) {
	if v.Kind() != reflect.Pointer {
		if at.copied && !isTakenByValue(v.Type()) {
			w.refuse(at, "is a %v in a map or an interface, where a load cannot write it: keep a pointer there", v.Type())
			return
		}
		v = v.Addr()
	}
	switch t := v.Interface().(type) {
	case *gorgonia.Node:
		w.graphs[t.Graph()] = true
		if t.IsVar() {
			w.add(at, t)
		}
	case *gorgonia.BatchNormOp:
		mean, variance := statsOf(t)
		w.add(at.child(runningMean, ""), mean)
		w.add(at.child(runningVar, ""), variance)
	case Model:
		for name, v := range stateOf(t) {
			w.add(structPlace{name: joinName(at.name, name), path: at.path}, v)
		}
	case gorgonia.Valuer:
		w.add(at, t)
	case gorgonia.Value:
		w.add(at, heldValue{t})
	}
}

// descend visits the parts of v.
func (w *structWalk) descend(v reflect.Value, at structPlace) {
	id := visitKeyOf(v)
	if w.onWay[id] {
		return
	}
	w.onWay[id] = true
	defer delete(w.onWay, id)
	switch v.Kind() {
	case reflect.Pointer:
		at.copied = false
		w.visit(v.Elem(), at)
	case reflect.Struct:
		w.fields(v, at)
	case reflect.Slice, reflect.Array:
		at.copied = at.copied && v.Kind() == reflect.Array
		for i := range v.Len() {
			w.visit(v.Index(i), at.index(i))
		}
	case reflect.Map:
		w.mapping(v, at)
	}
}

func (w *structWalk) fields(v reflect.Value, at structPlace) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if leftOut(f) {
			continue
		}
		here, field := at.field(f), unlocked(v.Field(i))
		if tag, tagged := f.Tag.Lookup(tagKey); tagged {
			w.checkTag(tag, field, here)
		}
		if f.Type == graphType {
			w.graphs[field.Interface().(*gorgonia.ExprGraph)] = true
		}
		w.visit(field, here)
	}
}

// checkTag finds tags that name nothing, or give no name.
func (w *structWalk) checkTag(tag string, field reflect.Value, at structPlace) {
	if fault := nameFault(tag); fault != "" {
		w.refuse(at, "has a tag %q that %s", tag, fault)
	} else if strings.Contains(tag, ",") {
		w.refuse(at, "has a tag %q with a comma, which is kept for options", tag)
	}
	if field.Kind() == reflect.Interface && !field.IsNil() {
		field = field.Elem()
	}
	if !w.types.hold(field.Type()) {
		w.refuse(at, "has a tag %q but no tensor: it is a %v", tag, field.Type())
	} else if n, ok := field.Interface().(*gorgonia.Node); ok && n != nil && !n.IsVar() {
		w.refuse(at, "has a tag %q but holds no variable: its node comes from the op %v", tag, n.Op())
	}
}

// mapping visits the values of a map in the order of its keys.
func (w *structWalk) mapping(m reflect.Value, at structPlace) {
	if m.Type().Key().Kind() != reflect.String {
		w.unnamable(m, at)
		return
	}
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		here, before := at.key(key.String()), len(w.entries)
		w.visit(m.MapIndex(key), here)
		if fault := nameFault(key.String()); fault != "" && len(w.entries) > before {
			w.refuse(here, "has a key that %s", fault)
		}
	}
}

// unnamable refuses a map with other keys than strings, if there are tensors in it.
func (w *structWalk) unnamable(m reflect.Value, at structPlace) {
	before := len(w.entries)
	for it := m.MapRange(); it.Next(); {
		w.visit(it.Value(), at)
	}
	if found := len(w.entries) > before; found {
		w.entries = w.entries[:before]
		w.refuse(at, "is a %v: tensors in maps are named by keys, which must be strings", m.Type())
	}
}

// dropReads removes the values that a graph writes and does not read: what
// gorgonia.Read was told to fill. They would be there after the first run only.
func (w *structWalk) dropReads() {
	if !slices.ContainsFunc(w.entries, func(e foundTensor) bool { return e.slot != nil }) {
		return
	}
	filled := map[*gorgonia.Value]bool{}
	delete(w.graphs, nil)
	for g := range w.graphs {
		for _, n := range g.AllNodes() {
			filled[readInto(n)] = true
		}
	}
	w.entries = slices.DeleteFunc(w.entries, func(e foundTensor) bool { return e.slot != nil && filled[e.slot] })
}

// readInto is the variable that n fills, if gorgonia.Read made n. The op is a
// private struct of Gorgonia (op_infidel.go, v0.9.18) with that one pointer.
func readInto(n *gorgonia.Node) *gorgonia.Value {
	op := reflect.ValueOf(n.Op())
	if op.Kind() != reflect.Struct || op.Type().PkgPath() != gorgoniaPath {
		return nil
	}
	if op.NumField() != 1 || op.Field(0).Type() != slotType {
		return nil
	}
	return (*gorgonia.Value)(op.Field(0).UnsafePointer())
}

// visitKey tells whether the walk has come back to the same pointer, map, slice or
// struct. The type is part of it because a struct and its first field share an address.
type visitKey struct {
	typ  reflect.Type
	addr unsafe.Pointer
	len  int // of a slice
}

func visitKeyOf(v reflect.Value) visitKey {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map:
		return visitKey{v.Type(), v.UnsafePointer(), 0}
	case reflect.Slice:
		return visitKey{v.Type(), v.UnsafePointer(), v.Len()}
	}
	return visitKey{v.Type(), v.Addr().UnsafePointer(), 0}
}

// isNilRef is reflect's IsNil, and false for kinds that cannot be nil.
func isNilRef(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}

// unlocked is a field that may be read though it is not exported. The struct must be
// addressable.
func unlocked(field reflect.Value) reflect.Value {
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
}

// addressableCopy gives an address to v, which came out of a map or an interface.
// What v points to is not copied.
func addressableCopy(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}
