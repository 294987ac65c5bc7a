package runs

// This file is parts that are no tensors: counters, random sources, the position in the data,
// schedules.

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	randv1 "math/rand"
	"math/rand/v2"
	"reflect"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// State saves what v points to under a name in state.json. A name is a small letter, then
// small letters, digits, dashes and underscores, 64 at most; "state", "manifest", "pinned"
// and "recorded" are taken. It is part of the format.
//
// v is a pointer to one of these, the first that fits:
//
//   - a type with MarshalJSON and UnmarshalJSON;
//   - a type with MarshalBinary and UnmarshalBinary, such as *rand.PCG and *rand.ChaCha8 of
//     math/rand/v2, whose bytes are saved as base64. A *rand.Rand cannot be saved: make it with
//     rand.New of a source that you keep, and pass the source;
//   - anything else that encoding/json takes. Integers come back exactly. An interface can only
//     hold nil, bool, string, int64, float64, []any and map[string]any, so that what comes back
//     has the same type. NaN and infinities are errors, except in a field of type [Float]; so are
//     structs of which JSON would save nothing at all.
//
// Restoring is strict. What the file has and the type has not is an error, and the reverse,
// unless the field is tagged omitempty or omitzero; so is a number that the type cannot
// hold. Maps and pointers are filled in place, and lose what the file does not have; slices
// are replaced. Fields that JSON does not see, such as a mutex or a field tagged "-", stay as
// they are. Pointers to one thing come back as pointers to copies of it.
//
// A type with methods of its own is asked to restore the saved state, and then its present one
// again, before anything is restored for good. So UnmarshalJSON may look at what else is in
// the value, and refuse what does not fit, but it must be able to undo itself.
func State(name string, v any) Part { return state{name, v} }

// A Float is a float64 in a State that may be NaN or infinite, such as the lowest loss before there
// was any. In the file it is then a string.
type Float = jsonfloat.Float

type state struct {
	name string
	v    any
}

func (s state) key() string            { return s.name }
func (s state) named(name string) Part { return state{name, s.v} }

func (s state) capture(c *capture) error {
	coder, err := coderOf(s.v)
	if err != nil {
		return s.wrap(err)
	}
	raw, err := coder.encode()
	if err != nil {
		return s.wrap(err)
	}
	c.json(s.name, raw)
	return nil
}

func (s state) stage(_ context.Context, from *saved) (func() error, error) {
	coder, err := coderOf(s.v)
	if err != nil {
		return nil, s.wrap(err)
	}
	var indented json.RawMessage
	if err := from.decode(s.name, &indented); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	if err := json.Compact(&raw, indented); err != nil {
		return nil, s.wrap(err)
	}
	before, err := coder.encode()
	if err != nil {
		return nil, s.wrap(fmt.Errorf("the present state: %w", err))
	}
	if err := coder.try(raw.Bytes(), before); err != nil {
		return nil, s.wrap(err)
	}
	return func() error {
		if err := coder.fill(raw.Bytes()); err != nil {
			return s.wrap(errors.Join(err, coder.fill(before)))
		}
		return nil
	}, nil
}

func (s state) wrap(err error) error { return fmt.Errorf("part %q: %w", s.name, err) }

// A stateCoder is one way to save a value.
type stateCoder interface {
	encode() (json.RawMessage, error)
	// try finds out whether fill would work. The value is in the state before, and is left in it.
	try(raw, before json.RawMessage) error
	// fill replaces the state. After an error it may be anything.
	fill(raw json.RawMessage) error
}

// coderOf chooses. See State.
func coderOf(v any) (stateCoder, error) {
	p := reflect.ValueOf(v)
	switch {
	case v == nil:
		return nil, errors.New("nil: want a pointer to the state")
	case p.Kind() != reflect.Pointer:
		return nil, fmt.Errorf("a %T: want a pointer to it, or it could not be restored", v)
	case p.IsNil():
		return nil, fmt.Errorf("a %T that is nil", v)
	}
	switch v := v.(type) {
	case *rand.Rand, *randv1.Rand:
		return nil, errRand
	case jsonMethods:
		return ownCoder{jsonOf{v}}, notPromoted[json.Marshaler](p, json.Marshaler.MarshalJSON)
	case binaryMethods:
		return ownCoder{binaryOf{v}}, notPromoted[encoding.BinaryMarshaler](p, encoding.BinaryMarshaler.MarshalBinary)
	}
	generic, err := checkType(p.Type().Elem())
	if err != nil {
		return nil, err
	}
	return plainCoder{p, generic}, nil
}

var errRand = errors.New("a *rand.Rand cannot be saved: make it with rand.New of a *rand.PCG or *rand.ChaCha8 of math/rand/v2, and pass that")

type jsonMethods interface {
	json.Marshaler
	json.Unmarshaler
}

type binaryMethods interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// notPromoted refuses a struct whose method is the one of an embedded field, for then the
// other fields would be forgotten.
func notPromoted[M any](p reflect.Value, method func(M) ([]byte, error)) error {
	v := p.Elem()
	if v.Kind() != reflect.Struct || v.NumField() < 2 {
		return nil
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.Anonymous || !f.IsExported() {
			continue
		}
		of, ok := embedded[M](v.Field(i))
		if !ok {
			continue
		}
		whole, err := method(p.Interface().(M))
		if err != nil {
			return err
		}
		if part, err := method(of); err == nil && bytes.Equal(part, whole) {
			return fmt.Errorf("of a %s only the embedded %s would be saved, whose methods it has: pass that one, and the other fields as another State", v.Type(), f.Name)
		}
	}
	return nil
}

// embedded is a field, or a pointer to it, as an M.
func embedded[M any](v reflect.Value) (M, bool) {
	if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
		v = v.Addr()
	}
	if v.IsNil() {
		var none M
		return none, false
	}
	m, ok := v.Interface().(M)
	return m, ok
}

// An ownCoder saves a value by methods of its own.
type ownCoder struct{ methods }

type methods interface {
	encode() (json.RawMessage, error)
	fill(raw json.RawMessage) error
}

// try does it, and undoes it.
func (c ownCoder) try(raw, before json.RawMessage) error {
	failure := c.fill(raw)
	if err := c.fill(before); err != nil {
		return errors.Join(failure, fmt.Errorf("back to the present state: %w", err))
	}
	now, err := c.encode()
	if err != nil {
		return errors.Join(failure, fmt.Errorf("back in the present state: %w", err))
	}
	if !sameJSON(now, before) {
		return errors.Join(failure, errors.New("what its methods save, they do not restore: the state is another one now"))
	}
	return failure
}

func sameJSON(a, b json.RawMessage) bool {
	x, errX := jsonfloat.Decode(a)
	y, errY := jsonfloat.Decode(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

type jsonOf struct{ v jsonMethods }

func (j jsonOf) encode() (json.RawMessage, error) { return json.Marshal(j.v) }
func (j jsonOf) fill(raw json.RawMessage) error   { return j.v.UnmarshalJSON(raw) }

type binaryOf struct{ v binaryMethods }

// binaryState is how bytes are in JSON.
type binaryState struct {
	Binary *[]byte `json:"binary"`
}

func (b binaryOf) encode() (json.RawMessage, error) {
	data, err := b.v.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return json.Marshal(binaryState{&data})
}

func (b binaryOf) fill(raw json.RawMessage) error {
	var s binaryState
	if err := decodeStrictly(raw, &s); err != nil {
		return err
	}
	if s.Binary == nil {
		return fmt.Errorf("no bytes for a %T", b.v)
	}
	return b.v.UnmarshalBinary(*s.Binary)
}

// decodeStrictly refuses fields that v has not. Numbers in interfaces keep their digits.
func decodeStrictly(raw json.RawMessage, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	d.UseNumber()
	return d.Decode(v)
}
