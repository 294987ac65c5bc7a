package runs

// This file is what can be said of a type before a value of it is saved: whether JSON would
// bring it back.

import (
	"encoding"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"strings"
)

var (
	marshaler       = reflect.TypeFor[json.Marshaler]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// checkType refuses a type of which something would be lost in silence. generic says that
// there are interfaces in it.
func checkType(t reflect.Type) (generic bool, err error) {
	c := typeCheck{seen: map[reflect.Type]bool{}}
	err = c.check(t, "")
	return c.generic, err
}

type typeCheck struct {
	seen    map[reflect.Type]bool
	generic bool
}

func (c *typeCheck) check(t reflect.Type, path string) error {
	if c.seen[t] {
		return nil
	}
	c.seen[t] = true
	if encodesItself(t) || decodesItself(t) {
		return checkMethods(t, path)
	}
	switch t.Kind() {
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("%s is an interface, %s: JSON cannot tell what to restore it to", pathOr(path, "it"), t)
		}
		c.generic = true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return c.check(t.Elem(), path)
	case reflect.Struct:
		return c.checkStruct(t, path)
	}
	return nil
}

func (c *typeCheck) checkStruct(t reflect.Type, path string) error {
	visible := 0
	for i := range t.NumField() {
		f := t.Field(i)
		if !isVisible(f) {
			continue
		}
		visible++
		if f.Anonymous && isLock(f.Type) {
			continue
		}
		if err := c.check(f.Type, path+"."+f.Name); err != nil {
			return err
		}
	}
	if visible == 0 && t.NumField() > 0 && !isLock(t) {
		return fmt.Errorf("%s is a %s, of which JSON sees no field, so nothing would be saved: pass it as a State of its own if it has MarshalBinary, give it MarshalJSON and UnmarshalJSON, or tag it `json:\"-\"` if it is no state", pathOr(path, "it"), t)
	}
	return nil
}

// checkMethods wants pairs.
func checkMethods(t reflect.Type, path string) error {
	for _, pair := range []struct {
		save, restore reflect.Type
	}{{marshaler, unmarshaler}, {textMarshaler, textUnmarshaler}} {
		save, restore := has(t, pair.save), has(t, pair.restore)
		if save && !restore {
			return fmt.Errorf("%s is a %s, which has %s and no %s", pathOr(path, "it"), t, pair.save.Method(0).Name, pair.restore.Method(0).Name)
		}
		if save {
			return nil
		}
	}
	return fmt.Errorf("%s is a %s, which can be decoded and not encoded", pathOr(path, "it"), t)
}

// isLock reports whether t is a part of package sync that holds no data.
func isLock(t reflect.Type) bool { return t.PkgPath() == "sync" && t.Name() != "Map" }

func encodesItself(t reflect.Type) bool { return has(t, marshaler) || has(t, textMarshaler) }
func decodesItself(t reflect.Type) bool { return has(t, unmarshaler) || has(t, textUnmarshaler) }

// has looks at the methods of a value that can be addressed.
func has(t, methods reflect.Type) bool {
	return t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(methods)
}

// isVisible reports whether JSON looks at a field.
func isVisible(f reflect.StructField) bool {
	if f.Tag.Get("json") == "-" {
		return false
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.IsExported() || f.Anonymous && t.Kind() == reflect.Struct
}

// mayBeAbsent reports whether a field is not written when it is empty.
func mayBeAbsent(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	for option := range strings.SplitSeq(options, ",") {
		if option == "omitempty" || option == "omitzero" {
			return true
		}
	}
	return false
}

// inside are the elements of a struct, as far as JSON sees them, a slice, an array or a map, with
// their paths. Those of a map cannot be set.
func inside(v reflect.Value, path string) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				f := v.Type().Field(i)
				if isVisible(f) && !yield(path+"."+f.Name, v.Field(i)) {
					return
				}
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				if !yield(fmt.Sprintf("%s[%d]", path, i), v.Index(i)) {
					return
				}
			}
		case reflect.Map:
			for entries := v.MapRange(); entries.Next(); {
				if !yield(fmt.Sprintf("%s[%v]", path, entries.Key()), entries.Value()) {
					return
				}
			}
		}
	}
}
