package runs

// This file saves values that have no methods for it, field by field.

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// A plainCoder saves what p points to as encoding/json does.
type plainCoder struct {
	p       reflect.Value
	generic bool // there are interfaces in its type
}

func (c plainCoder) encode() (json.RawMessage, error) {
	raw, err := c.marshal()
	var unsupported *json.UnsupportedValueError
	if errors.As(err, &unsupported) {
		s := notFiniteSearch{seen: map[uintptr]bool{}}
		if s.in(c.p, "") {
			return nil, fmt.Errorf("%s is %v, for which JSON has no number: use a pointer that can be nil, or a type with MarshalJSON and UnmarshalJSON", pathOr(s.path, "it"), s.float)
		}
	}
	if err == nil && hasBadText(raw) {
		return nil, errors.New("a string is not UTF-8, and would be saved as another one: use []byte")
	}
	return raw, err
}

func (c plainCoder) marshal() (json.RawMessage, error) {
	if !c.generic {
		return json.Marshal(c.p.Interface())
	}
	marked := reflect.New(c.p.Type().Elem())
	marked.Elem().Set(c.p.Elem())
	if err := markFloats(marked.Elem()); err != nil {
		return nil, err
	}
	return json.Marshal(marked.Interface())
}

// try restores into a new value, and compares what that one would save.
func (c plainCoder) try(raw, _ json.RawMessage) error {
	fresh := plainCoder{reflect.New(c.p.Type().Elem()), c.generic}
	strict := fresh.decode(raw)
	if strict != nil {
		if !strings.HasPrefix(strict.Error(), "json: unknown field") {
			return strict
		}
		fresh.p = reflect.New(c.p.Type().Elem()) // to list all of them
		if err := json.Unmarshal(raw, fresh.p.Interface()); err != nil {
			return errors.Join(strict, err)
		}
	}
	again, err := fresh.encode()
	if err != nil {
		return errors.Join(strict, err)
	}
	file, err := jsonfloat.Decode(raw)
	if err != nil {
		return err
	}
	here, err := jsonfloat.Decode(again)
	if err != nil {
		return err
	}
	d := differences{unknown: strict != nil}
	d.compare("", file, here)
	if len(d.lines) > 0 {
		return fmt.Errorf("what is saved does not fit a %s: %s", c.p.Type().Elem(), strings.Join(d.lines, "; "))
	}
	return strict
}

func (c plainCoder) fill(raw json.RawMessage) error {
	forget(c.p.Elem())
	return c.decode(raw)
}

func (c plainCoder) decode(raw json.RawMessage) error {
	if err := decodeStrictly(raw, c.p.Interface()); err != nil {
		return err
	}
	if !c.generic {
		return nil
	}
	return plainNumbers(c.p.Elem())
}

// forget empties what JSON sees of v, so that nothing of it stays. Values with methods of
// their own are left to these.
func forget(v reflect.Value) {
	switch {
	case decodesItself(v.Type()):
		return
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); isVisible(f) {
				forgetField(v.Field(i), f)
			}
		}
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			forget(v.Index(i))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		forget(v.Elem())
	case v.Kind() == reflect.Map && !v.IsNil():
		v.Clear()
	case v.CanSet():
		v.SetZero()
	}
}

// forgetField also drops what would stay when the file has no such field.
func forgetField(v reflect.Value, f reflect.StructField) {
	if v.CanSet() && mayBeAbsent(f) && (v.Kind() == reflect.Pointer || decodesItself(f.Type)) {
		v.SetZero()
		return
	}
	forget(v)
}
