// Package provenance says what made a checkpoint (program, modules, flags, machine),
// what of it has changed since, and whether a configuration is still that of the same
// run.
package provenance

// This file is what is known of a running program.

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"
	"gorgonia.org/tensor"
)

// A Provenance is the program and the machine that made a checkpoint. Facts that are
// not known are empty. Its JSON is part of what is on disk: names of fields never
// change, unknown ones are passed over.
type Provenance struct {
	Program string `json:"program,omitempty"` // import path of its package main
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	// Build is those settings of the build that can change what is computed, such
	// as GOAMD64.
	Build map[string]string `json:"build,omitempty"`
	// BuildID is equal for equal programs, and another one for any other. It tells
	// apart what was built at one revision with changes, or at none.
	BuildID string `json:"build_id,omitempty"`
	Code    Code   `json:"code,omitzero"`
	Main    string `json:"main,omitempty"` // path of the main module
	// Modules gives the version of every module in the program, the main one too.
	// A replaced one has " => " and what replaces it behind its version.
	Modules map[string]string `json:"modules,omitempty"`
	// Args is the command line without the program's name. Values that look
	// secret are Redacted.
	Args     []string `json:"args,omitempty"`
	Host     string   `json:"host,omitempty"`
	CPU      string   `json:"cpu,omitempty"`
	Features []string `json:"cpu_features,omitempty"` // those that numbers can depend on; sorted
	Threads  int      `json:"threads"`                // GOMAXPROCS
	// BLAS is what multiplies matrices: what the implementation given to tensor.Use
	// says of itself, if it is a fmt.Stringer, else its type. A program that
	// multiplies by other means sets it.
	BLAS string `json:"blas,omitempty"`
}

// Code is where the program's source stood in version control. The go command
// records it in what `go build` makes, not in what `go run` or `go test` do.
type Code struct {
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision; RFC 3339
	Modified bool   `json:"modified,omitempty"`
}

// Collect looks at the running program, in well under a millisecond. args is as
// os.Args: the program's name, which is left out, then the arguments. Two calls
// give the same, unless GOMAXPROCS or the BLAS have been set in between.
func Collect(args []string) Provenance {
	p := Provenance{
		Go:       runtime.Version(),
		OS:       runtime.GOOS,
		Arch:     runtime.GOARCH,
		BuildID:  buildID(),
		CPU:      strings.TrimSpace(cpuid.CPU.BrandName),
		Features: features(),
		Threads:  runtime.GOMAXPROCS(0),
		BLAS:     nameOf(tensor.WhichBLAS()),
	}
	if len(args) > 0 {
		p.Args = clean(args[1:])
	}
	if host, err := os.Hostname(); err == nil { // else it stays unknown
		p.Host = host
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		p.addBuild(info)
	}
	return p
}

// numeric is the features of processors that code for numbers chooses by, here and in
// the libraries that Gorgonia computes with.
var numeric = []cpuid.FeatureID{
	cpuid.SSE2, cpuid.SSE4, cpuid.AVX, cpuid.AVX2, cpuid.FMA3, cpuid.F16C,
	cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512BF16, cpuid.AVX512FP16,
	cpuid.AVXVNNI, cpuid.AVX512VNNI, cpuid.AMXBF16, cpuid.AMXFP16, cpuid.AMXTILE,
	cpuid.ASIMD, cpuid.ASIMDHP, cpuid.ASIMDDP, cpuid.FPHP, cpuid.SVE,
}

func features() []string {
	var names []string
	for _, id := range numeric {
		if cpuid.CPU.Has(id) {
			names = append(names, id.String())
		}
	}
	slices.Sort(names)
	return names
}

func nameOf(blas tensor.BLAS) string {
	if s, ok := blas.(fmt.Stringer); ok {
		return s.String()
	}
	t := reflect.TypeOf(blas)
	switch {
	case t == nil:
		return ""
	case t.Kind() == reflect.Pointer:
		t = t.Elem()
	}
	return strings.TrimPrefix(t.PkgPath()+"."+t.Name(), ".")
}
