package optim

// This file is the settings of a solver as plain numbers. They are saved so that a resume with others can
// be told of, and never restored.

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// settingsOf are the numbers of options by snake-case names: learning_rate, betas.0, schedule.cosine.steps; those of
// group 1 begin with groups.1. Zeros, infinities and functions are left out.
func settingsOf[O any](groups []O) map[string]float64 {
	all := map[string]float64{}
	for i, o := range groups {
		prefix := ""
		if i > 0 {
			prefix = "groups." + strconv.Itoa(i) + "."
		}
		collect(all, prefix, reflect.ValueOf(o))
	}
	return all
}

func collect(all map[string]float64, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "Groups" {
				collect(all, name+snake(field.Name)+".", v.Field(i))
			}
		}
	case reflect.Array, reflect.Slice:
		for i := range v.Len() {
			collect(all, name+strconv.Itoa(i)+".", v.Index(i))
		}
	case reflect.Interface: // a schedule
		if !v.IsNil() {
			collect(all, name+snake(v.Elem().Type().Name())+".", v.Elem())
		}
	case reflect.Bool:
		if v.Bool() {
			put(all, name, 1)
		}
	case reflect.Int64:
		put(all, name, float64(v.Int()))
	case reflect.Float64:
		put(all, name, v.Float())
	}
}

func put(all map[string]float64, name string, x float64) {
	if x != 0 && !math.IsInf(x, 0) && !math.IsNaN(x) {
		all[strings.TrimSuffix(name, ".")] = x
	}
}

// snake is "learning_rate" of "LearningRate".
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
