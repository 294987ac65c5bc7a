package checkpoint

// This file holds the errors of loading: how a file and a model differ, what a
// conversion would have done, and what a failed copy has written.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Errors for errors.Is.
var (
	// ErrMismatch is the kind of every *MismatchError.
	ErrMismatch = errors.New("file and model differ")
	// ErrCast is the kind of every *CastError.
	ErrCast = errors.New("a conversion would change values")
	// ErrPartialLoad is the kind of every *PartialLoadError.
	ErrPartialLoad = errors.New("the model is partly overwritten")
)

// A MismatchError lists every difference between a file and a model. The model
// is unchanged. Lists are sorted by name.
type MismatchError struct {
	Missing    []Missing
	Unexpected []string // tensors of the file
	Shapes     []ShapeMismatch
	DTypes     []DTypeMismatch
	Conflicts  []Conflict
}

// Missing is a parameter that the file lacks.
type Missing struct {
	Param  string
	Stored string // the name looked for in the file
	Near   string // a tensor of the file that nobody asked for and that may be meant; "" if none
}

// ShapeMismatch is a parameter of another shape in the file.
type ShapeMismatch struct {
	Param, Stored string
	Got, Want     []int  // in the file; as the model's, laid out for the file
	Reason        string // what else is wrong, such as a slice out of range; else ""
}

// DTypeMismatch is a parameter whose stored dtype LoadOptions.Cast does not let
// convert.
type DTypeMismatch struct {
	Param, Stored string
	Got, Want     safetensors.DType
	Convertible   bool // by another Cast
}

// Conflict is two tensors of the file that belong in the same memory of the
// model and differ.
type Conflict struct {
	A, B string // names in the model
}

func (e *MismatchError) empty() bool {
	return len(e.Missing)+len(e.Unexpected)+len(e.Shapes)+len(e.DTypes)+len(e.Conflicts) == 0
}

func (e *MismatchError) sort() {
	slices.SortFunc(e.Missing, func(a, b Missing) int { return strings.Compare(a.Param, b.Param) })
	slices.SortFunc(e.Shapes, func(a, b ShapeMismatch) int { return strings.Compare(a.Param, b.Param) })
	slices.SortFunc(e.DTypes, func(a, b DTypeMismatch) int { return strings.Compare(a.Param, b.Param) })
	slices.SortFunc(e.Conflicts, func(a, b Conflict) int { return cmp.Or(strings.Compare(a.A, b.A), strings.Compare(a.B, b.B)) })
}

// Error gives counts, and the first of each list.
func (e *MismatchError) Error() string {
	var parts []string
	part := func(n int, noun string, items []string) {
		if n > 0 {
			parts = append(parts, enumerate(n, noun, items))
		}
	}
	part(len(e.Missing), "missing tensor", texts(e.Missing))
	part(len(e.Unexpected), "unexpected tensor", quoted(e.Unexpected))
	part(len(e.Shapes), "wrong shape", texts(e.Shapes))
	part(len(e.DTypes), "wrong dtype", texts(e.DTypes))
	part(len(e.Conflicts), "conflict", texts(e.Conflicts))
	return fmt.Sprintf("%v: %s", ErrMismatch, strings.Join(parts, " | "))
}

// Unwrap returns ErrMismatch.
func (e *MismatchError) Unwrap() error { return ErrMismatch }

func texts[T fmt.Stringer](items []T) []string {
	s := make([]string, len(items))
	for i, item := range items {
		s[i] = item.String()
	}
	return s
}

func quoted(names []string) []string {
	s := make([]string, len(names))
	for i, name := range names {
		s[i] = fmt.Sprintf("%q", name)
	}
	return s
}

// as adds the name in the file where it is another one.
func as(param, stored string) string {
	if param == stored {
		return fmt.Sprintf("%q", param)
	}
	return fmt.Sprintf("%q (stored as %q)", param, stored)
}

// String names the parameter, and the tensor that may be meant.
func (m Missing) String() string {
	if m.Near == "" {
		return as(m.Param, m.Stored)
	}
	return fmt.Sprintf("%s, did you mean %q?", as(m.Param, m.Stored), m.Near)
}

// String gives both shapes.
func (m ShapeMismatch) String() string {
	if m.Reason != "" {
		return fmt.Sprintf("%s: %s", as(m.Param, m.Stored), m.Reason)
	}
	s := fmt.Sprintf("%s is %v in the file, want %v", as(m.Param, m.Stored), m.Got, m.Want)
	if len(m.Got) == 2 && slices.Equal(m.Want, []int{m.Got[1], m.Got[0]}) {
		s += " (transposed: Stored.Permute)"
	}
	return s
}

// String gives both dtypes.
func (m DTypeMismatch) String() string {
	s := fmt.Sprintf("%s is %s in the file, want %s", as(m.Param, m.Stored), m.Got, m.Want)
	if m.Convertible {
		s += " (LoadOptions.Cast)"
	}
	return s
}

// String names both parameters.
func (c Conflict) String() string {
	return fmt.Sprintf("%q and %q share memory in the model and differ in the file", c.A, c.B)
}

// A CastError lists the conversions that Cast does not allow. Nothing has been
// changed.
type CastError struct {
	Reports []CastReport
}

// Error gives the number of tensors, and the first of them.
func (e *CastError) Error() string {
	items := make([]string, len(e.Reports))
	for i := range e.Reports {
		items[i] = e.Reports[i].String()
	}
	return fmt.Sprintf("%v: %s", ErrCast, enumerate(len(items), "tensor", items))
}

// Unwrap returns ErrCast.
func (e *CastError) Unwrap() error { return ErrCast }

// A PartialLoadError says that something failed while values were being copied: the
// medium, though all had been read before; the model's own memory, if it cannot be
// written; or the Bind of a parameter without a value. The model is a mixture.
type PartialLoadError struct {
	Written []string // parameters written to, wholly or in part; sorted
	Err     error
}

// Error gives the cause and the first of the names.
func (e *PartialLoadError) Error() string {
	return fmt.Sprintf("%v: %v: %s", ErrPartialLoad, e.Err, enumerate(len(e.Written), "written tensor", quoted(e.Written)))
}

// Unwrap returns ErrPartialLoad and the cause.
func (e *PartialLoadError) Unwrap() []error { return []error{ErrPartialLoad, e.Err} }
