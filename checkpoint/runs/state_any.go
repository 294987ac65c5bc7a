package runs

// This file is numbers in interfaces. JSON does not say whether 5 was an integer, so floats are
// marked: they are written as 5.0.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// A markedFloat is never written as an integer.
type markedFloat float64

// MarshalJSON implements json.Marshaler.
func (f markedFloat) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(float64(f))
	if err == nil && !bytes.ContainsAny(text, ".e") {
		text = append(text, ".0"...)
	}
	return text, err
}

// markFloats replaces the floats in interfaces. v can be set; what it refers to is copied
// before it is changed.
func markFloats(v reflect.Value) error {
	r := rewriter{copies: true, leaf: func(x any, path string) (any, error) {
		switch x := x.(type) {
		case float64:
			return markedFloat(x), nil
		case nil, bool, string, int64:
			return x, nil
		}
		return nil, fmt.Errorf("%s is a %T in an interface, and would come back as something else: use nil, bool, string, int64, float64, []any or map[string]any, or a type without interfaces", pathOr(path, "it"), x)
	}}
	return r.value(v, "", 0)
}

// plainNumbers makes int64 and float64 of the numbers in interfaces, in place.
func plainNumbers(v reflect.Value) error {
	r := rewriter{leaf: func(x any, path string) (any, error) {
		text, ok := x.(json.Number)
		if !ok {
			return x, nil
		}
		var number any
		var err error
		if strings.ContainsAny(text.String(), ".eE") {
			number, err = text.Float64()
		} else {
			number, err = text.Int64()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pathOr(path, "it"), err)
		}
		return number, nil
	}}
	return r.value(v, "", 0)
}

// A rewriter replaces the leaves of all interfaces in a value.
type rewriter struct {
	copies bool // what is referred to is somebody else's
	leaf   func(x any, path string) (any, error)
}

// deepestState is how far a state may be nested: one that is deeper contains itself.
const deepestState = 1000

func (r rewriter) value(v reflect.Value, path string, depth int) error {
	if depth > deepestState {
		return fmt.Errorf("a %s is nested more than %d deep", v.Type(), deepestState)
	}
	if decodesItself(v.Type()) {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if v.IsNil() || r.copies && !v.CanSet() {
			return nil
		}
		if r.copies {
			v.Set(shallow(v))
		}
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		x, err := r.tree(v.Interface(), path, depth+1)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(&x).Elem())
		return nil
	}
	return r.inside(v, path, depth)
}

// inside goes on with what v consists of, or refers to.
func (r rewriter) inside(v reflect.Value, path string, depth int) error {
	switch v.Kind() {
	case reflect.Pointer:
		return r.value(v.Elem(), path, depth+1)
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(entries.Value())
			if err := r.value(e, fmt.Sprintf("%s[%v]", path, entries.Key()), depth+1); err != nil {
				return err
			}
			v.SetMapIndex(entries.Key(), e)
		}
		return nil
	}
	for at, e := range inside(v, path) {
		if err := r.value(e, at, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// tree returns x with other leaves. Its maps and slices are new.
func (r rewriter) tree(x any, path string, depth int) (any, error) {
	if depth > deepestState {
		return nil, fmt.Errorf("a %T is nested more than %d deep", x, deepestState)
	}
	var err error
	switch x := x.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for key, e := range x {
			if out[key], err = r.tree(e, path+"."+key, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			if out[i], err = r.tree(e, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return r.leaf(x, path)
}

// shallow copies what v refers to.
func shallow(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Slice:
		return reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)
	case reflect.Map:
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for entries := v.MapRange(); entries.Next(); {
			c.SetMapIndex(entries.Key(), entries.Value())
		}
		return c
	default:
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		return c
	}
}
