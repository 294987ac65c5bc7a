package nn

import (
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/blas"
)

// UseBLAS chooses what multiplies matrices, for the whole process, and returns its name with
// the version, such as "openblas 0.3.21 SkylakeX". name is
//
//   - "openblas": OpenBLAS, where the dynamic linker finds it. No cgo is needed.
//   - "gonum": pure Go, which is everywhere, and several times slower.
//   - the path of a library that is OpenBLAS.
//   - "auto": OpenBLAS where it is found, else gonum.
//   - "": what the environment variable KIBISIS_BLAS says, which takes the same names, and
//     where it is not set "auto".
//
// What cannot be had is an error, and changes nothing. A program that does not call UseBLAS
// has what KIBISIS_BLAS says from its first product on, and where that cannot be had, the
// product panics with the error rather than use another. So call UseBLAS("") first to have
// that as an error.
//
// The layers of this package and Gorgonia's own ops use the same: importing nn installs it
// for Gorgonia, as gorgonia.Use does, unless another BLAS than gonum's has been installed
// before. Checkpoints record its name as it is when their run is opened, and a resume with
// another one tells of the change, because the bits differ: call UseBLAS before. gorgonia.Use
// or tensor.Use afterwards changes Gorgonia's own ops alone, and has checkpoints record only
// that; UseBLAS undoes it.
//
// The number of cores does not change the bits: OpenBLAS is set to one thread for the whole
// process, and large products are split over GOMAXPROCS cores by their shapes.
//
// A program with this package needs the C library at its start, where Go has linux programs
// start without one when they are built without cgo. With the build tag purego it does not,
// and gonum is all there is.
//
// UseBLAS is not to be called while a graph runs: products of one run would have different
// bits.
func UseBLAS(name string) (string, error) {
	if err := blas.Choose(name); err != nil {
		return "", err
	}
	gorgonia.Use(blas.Implementation{})
	return blas.Name()
}

func init() {
	if _, isDefault := tensor.WhichBLAS().(gonum.Implementation); isDefault {
		gorgonia.Use(blas.Implementation{})
	}
}
