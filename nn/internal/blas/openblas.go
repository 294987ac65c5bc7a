//go:build !purego && ((linux && !android) || (darwin && !ios)) && (amd64 || arm64)

package blas

// This file finds OpenBLAS, and asks what it is.

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/ebitengine/purego"
)

// libraries is the names under which OpenBLAS is found, by the dynamic linker or in the
// places that it does not search by itself.
func libraries() []string {
	if runtime.GOOS == "darwin" {
		return []string{
			"libopenblas.0.dylib", "libopenblas.dylib",
			"/opt/homebrew/opt/openblas/lib/libopenblas.dylib", "/usr/local/opt/openblas/lib/libopenblas.dylib",
			"/opt/local/lib/libopenblas.dylib",
		}
	}
	return []string{"libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0", "libopenblaso.so.0"}
}

func findOpenBLAS() (*backend, error) {
	var all []error
	for _, name := range libraries() {
		b, err := openOpenBLAS(name)
		if err == nil {
			return b, nil
		}
		all = append(all, err)
	}
	return nil, fmt.Errorf("no OpenBLAS: %w", errors.Join(all...))
}

// openOpenBLAS loads one library, for the rest of the process: OpenBLAS has threads and
// cannot be unloaded. Loading it once more is cheap.
func openOpenBLAS(path string) (*backend, error) {
	handle, err := load(path)
	if err != nil {
		return nil, err
	}
	l := library{handle: handle}
	setThreads := l.symbol("openblas_set_num_threads")
	var config, core func() string
	l.function(&config, "openblas_get_config")
	l.function(&core, "openblas_get_corename")
	sgemm, dgemm := l.symbol("sgemm_"), l.symbol("dgemm_")
	sgemv, dgemv := l.symbol("sgemv_"), l.symbol("dgemv_")
	if l.err != nil {
		return nil, fmt.Errorf("%s is no OpenBLAS: %w", path, l.err)
	}
	purego.SyscallN(setThreads, 1) // our own blocks are what uses the cores
	text := config()
	limit := newGate(text)
	return &backend{
		name: openBLASName(text, core()),
		f32:  routines[float32]{gemm: fortranGemm[float32](sgemm, limit), gemv: fortranGemv[float32](sgemv, limit), least: 1 << 20},
		f64:  routines[float64]{gemm: fortranGemm[float64](dgemm, limit), gemv: fortranGemv[float64](dgemv, limit), least: 1 << 19},
	}, nil
}

// load opens a library with one thread. OpenBLAS starts its threads as it is loaded, and each
// keeps a core busy for a tenth of a second. What is set here reaches C's environment too,
// where OpenBLAS reads it.
func load(path string) (uintptr, error) {
	const variable = "OPENBLAS_NUM_THREADS"
	old, had := os.LookupEnv(variable)
	if err := os.Setenv(variable, "1"); err != nil {
		return 0, err
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if had {
		return handle, errors.Join(err, os.Setenv(variable, old))
	}
	return handle, errors.Join(err, os.Unsetenv(variable))
}

// library looks up symbols, and remembers the first that is missing.
type library struct {
	handle uintptr
	err    error
}

func (l *library) symbol(name string) uintptr {
	address, err := purego.Dlsym(l.handle, name)
	if err != nil && l.err == nil {
		l.err = err
	}
	return address
}

func (l *library) function(f any, name string) {
	if address := l.symbol(name); address != 0 {
		purego.RegisterFunc(f, address)
	}
}

// openBLASName makes "openblas 0.3.21 SkylakeX" of what openblas_get_config says, such as
// "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64", and of the
// cores that it computes for. Other cores give other bits.
func openBLASName(config, core string) string {
	words := strings.Fields(config)
	if len(words) > 1 && words[0] == "OpenBLAS" {
		return "openblas " + words[1] + " " + core
	}
	return "openblas " + core
}

// mostThreads is MAX_THREADS of what openblas_get_config says, or 0.
func mostThreads(config string) int {
	words := strings.Fields(config)
	i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "MAX_THREADS=") })
	if i < 0 {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimPrefix(words[i], "MAX_THREADS="))
	if err != nil {
		return 0
	}
	return n
}
