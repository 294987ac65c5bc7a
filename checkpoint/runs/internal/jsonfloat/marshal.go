package jsonfloat

// This file writes values of any type in which some float is not finite.

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Marshal is json.Marshal, but for three things: floats that are not finite are
// strings, as [Float] writes them; the keys of every object are sorted; and <, > and
// & are themselves. Equal values give equal bytes. It does not change v. What a
// type's own MarshalJSON or MarshalText refuses stays refused.
func Marshal(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	var unsupported *json.UnsupportedValueError
	switch {
	case errors.As(err, &unsupported):
		return marshalSpecials(v)
	case err != nil:
		return nil, err
	}
	tree, err := Decode(text)
	if err != nil {
		return nil, err
	}
	return encode(tree)
}

// Decode makes of one JSON value what json.Unmarshal makes of it, but that numbers
// keep their digits, as json.Number.
func Decode(data []byte) (any, error) {
	if !json.Valid(data) { // a Decoder would stop after the first of two values
		var v any
		return nil, json.Unmarshal(data, &v)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

func encode(tree any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// marshalSpecials writes v twice, with different numbers in the place of those that
// are not finite. Where the two texts differ is where they are. So json's own rules
// for tags and embedded fields apply, and no number of v can be taken for a
// stand-in.
func marshalSpecials(v any) ([]byte, error) {
	one, err := marshalWith(v, 1)
	if err != nil {
		return nil, err
	}
	two, err := marshalWith(v, 2)
	if err != nil {
		return nil, err
	}
	tree, err := merge(one, two)
	if err != nil {
		return nil, err
	}
	return encode(tree)
}

// standIn is the number that round k writes for a special one. All are exact in
// float32 and print alike in both widths.
func standIn(text string, k int) float64 {
	return map[string]float64{nan: 10, positive: 20, negative: 30}[text] + float64(k)
}

func marshalWith(v any, k int) (any, error) {
	c := reflect.New(reflect.TypeOf(v)).Elem()
	c.Set(reflect.ValueOf(v))
	if err := replace(c, k, 0); err != nil {
		return nil, err
	}
	text, err := json.Marshal(c.Interface())
	if err != nil {
		return nil, err
	}
	return Decode(text)
}

// deepest is how far values may be nested: whatever is deeper contains itself, or
// could not be read back.
const deepest = 1000

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// replace puts stand-ins into v. What v points to is copied before.
func replace(v reflect.Value, k, depth int) error {
	if depth > deepest {
		return fmt.Errorf("a %s is nested more than %d deep", v.Type(), deepest)
	}
	if marshals(v.Type()) {
		return nil
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		if text := spelling(v.Float()); text != "" && v.CanSet() {
			v.SetFloat(standIn(text, k))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := replace(v.Field(i), k, depth+1); err != nil {
				return err
			}
		}
	case reflect.Array:
		return replaceElements(v, k, depth)
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return replaceBehind(v, k, depth)
	}
	return nil
}

func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() != reflect.Interface && (p.Implements(marshaler) || p.Implements(textMarshaler))
}

func replaceElements(v reflect.Value, k, depth int) error {
	for i := range v.Len() {
		if err := replace(v.Index(i), k, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// replaceBehind copies what v refers to, and replaces in the copy.
func replaceBehind(v reflect.Value, k, depth int) error {
	if v.IsNil() || !v.CanSet() {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		v.Set(c)
		return replace(c.Elem(), k, depth+1)
	case reflect.Interface:
		c := reflect.New(v.Elem().Type()).Elem()
		c.Set(v.Elem())
		err := replace(c, k, depth+1)
		v.Set(c)
		return err
	case reflect.Slice:
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		return replaceElements(c, k, depth)
	default:
		return replaceMap(v, k, depth)
	}
}

func replaceMap(v reflect.Value, k, depth int) error {
	c := reflect.MakeMapWithSize(v.Type(), v.Len())
	for entries := v.MapRange(); entries.Next(); {
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(entries.Value())
		if err := replace(value, k, depth+1); err != nil {
			return err
		}
		c.SetMapIndex(entries.Key(), value)
	}
	v.Set(c)
	return nil
}

// merge gives what two trees have in common, and the special numbers where they
// differ.
func merge(one, two any) (any, error) {
	switch one := one.(type) {
	case map[string]any:
		two, ok := two.(map[string]any)
		if !ok || len(one) != len(two) {
			return nil, errUnstable
		}
		for key, value := range one {
			merged, err := merge(value, two[key])
			if err != nil {
				return nil, err
			}
			one[key] = merged
		}
		return one, nil
	case []any:
		two, ok := two.([]any)
		if !ok || len(one) != len(two) {
			return nil, errUnstable
		}
		for i, value := range one {
			merged, err := merge(value, two[i])
			if err != nil {
				return nil, err
			}
			one[i] = merged
		}
		return one, nil
	}
	return mergeLeaf(one, two)
}

var errUnstable = errors.New("a value is written differently each time")

func mergeLeaf(one, two any) (any, error) {
	switch two.(type) {
	case map[string]any, []any: // cannot be compared
		return nil, errUnstable
	}
	if one == two {
		return one, nil
	}
	a, b := fmt.Sprint(one), fmt.Sprint(two)
	for text := range specials {
		if a == fmt.Sprint(standIn(text, 1)) && b == fmt.Sprint(standIn(text, 2)) {
			return text, nil
		}
	}
	return nil, errUnstable
}
