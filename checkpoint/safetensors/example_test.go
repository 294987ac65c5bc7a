package safetensors_test

import (
	"bytes"
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Opening reads the header only. A view is the file's own memory where that is
// possible, so that reading a tensor costs what is touched of it.
func ExampleOpen() {
	f, err := safetensors.Open("../../testdata/safetensors-py-tied.safetensors", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for name, t := range f.All() {
		fmt.Println(name, t.DType(), t.Shape())
	}

	t, err := f.Tensor("a.weight")
	if err != nil {
		log.Fatal(err)
	}
	w, err := safetensors.As[float32](t)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Data()[:4], w.At(2, 3))
	// Output:
	// a.bias F32 [3]
	// a.weight F32 [3 4]
	// [0 0.5 1 1.5] 5.5
}

// A file says which rule it breaks and where.
func ExampleFormatError() {
	file := []byte("\x35\x00\x00\x00\x00\x00\x00\x00" + `{"w":{"dtype":"F32","shape":[2],"data_offsets":[4,8]}}` + "12345678")
	_, err := safetensors.OpenBytes(file, nil)
	fmt.Println(err)

	file[0]++
	_, err = safetensors.OpenBytes(file, nil)
	var f *safetensors.FormatError
	if errors.As(err, &f) {
		fmt.Printf("%s in %q, bytes %d to %d\n", f.Kind, f.Tensor, f.Begin, f.End)
	}
	fmt.Println(errors.Is(err, safetensors.ErrOffset))
	// Output:
	// safetensors: bytes [61:62): header-json: the header ends where ',' or '}' should be
	// offset in "w", bytes 66 to 70
	// true
}

//go:embed testdata/layer.safetensors
var files embed.FS

// Weights can be part of the program.
func ExampleOpenFS() {
	f, err := safetensors.OpenFS(files, "testdata/layer.safetensors", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	w, err := f.Tensor("w")
	if err != nil {
		log.Fatal(err)
	}
	values, err := w.Float32s(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(values, f.Metadata())
	// Output: [0 1 2 3] map[format:pt]
}

// Of a large tensor, read the rows that are needed: here two words of an
// embedding. Nothing else of the file is read. Indexes are Python's: the comments
// say how they are spelled there.
func ExampleTensor_Slice() {
	path, err := saveEmbedding(10_000, 256)
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(path)

	f, err := safetensors.Open(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	embedding, err := f.Tensor("embedding")
	if err != nil {
		log.Fatal(err)
	}
	words, err := embedding.Slice(safetensors.Range(4321, 4323)) // [4321:4323]
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(words.Shape(), words.Size(), "of", embedding.Size(), "bytes")

	for _, ix := range [][]safetensors.Index{
		{safetensors.At(-1), safetensors.Range(0, 3)},                // [-1, 0:3]
		{safetensors.All().By(2500), safetensors.At(0)},              // [::2500, 0]
		{safetensors.All().By(-2500), safetensors.At(0)},             // [::-2500, 0]
		{safetensors.Range(safetensors.Begin, 3), safetensors.At(0)}, // [:3, 0]
		{safetensors.Ellipsis(), safetensors.At(255)},                // [..., 255]
	} {
		part, err := embedding.Slice(ix...)
		if err != nil {
			log.Fatal(err)
		}
		v, err := safetensors.As[float32](part)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ix, part.Shape(), v.Data()[:3])
	}
	// Output:
	// [2 256] 2048 of 10240000 bytes
	// [-1 0:3] [3] [9999 9999 9999]
	// [::2500 0] [4] [0 2500 5000]
	// [::-2500 0] [4] [9999 7499 4999]
	// [:3 0] [3] [0 1 2]
	// [... 255] [10000] [0 1 2]
}

// saveEmbedding writes a table in which every row holds its own number.
func saveEmbedding(rows, width int) (path string, err error) {
	f, err := os.CreateTemp("", "*.safetensors")
	if err != nil {
		return "", err
	}
	err = safetensors.Encode(f, []safetensors.Source{{
		Name: "embedding", DType: safetensors.F32, Shape: []int{rows, width},
		WriteData: func(w io.Writer) error {
			for i := range rows {
				row := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(i)))
				if _, err := w.Write(bytes.Repeat(row, width)); err != nil {
					return err
				}
			}
			return nil
		},
	}}, nil)
	return f.Name(), errors.Join(err, f.Close())
}

// The bytes do not depend on the order of the sources.
func ExampleEncode() {
	var file bytes.Buffer
	err := safetensors.Encode(&file, []safetensors.Source{
		{Name: "mask", DType: safetensors.Bool, Shape: []int{3}, Data: []byte{1, 0, 1}},
		{Name: "step", DType: safetensors.I64, Data: binary.LittleEndian.AppendUint64(nil, 7)},
	}, &safetensors.WriteOptions{Metadata: map[string]string{"format": "pt"}})
	if err != nil {
		log.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(file.Bytes())
	header, data := file.Bytes()[8:8+n], file.Bytes()[8+n:]
	fmt.Printf("%s\n%d", bytes.TrimRight(header, " "), data)
	// Output:
	// {"__metadata__":{"format":"pt"},"step":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"mask":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]}}
	// [7 0 0 0 0 0 0 0 1 0 1]
}

// A file that is larger than memory: its tensors are declared, and their bytes come in
// any order, here through readers, also from several goroutines.
func ExampleCreate() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	w, err := safetensors.Create(path, []safetensors.Spec{
		{Name: "embed", DType: safetensors.F16, Shape: []int{2, 3}},
		{Name: "head", DType: safetensors.U8, Shape: []int{5}},
	}, &safetensors.WriteOptions{Checksums: true})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close() // without Commit, leaves nothing
	if err := w.WriteFrom("head", strings.NewReader("hello")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Write("embed", []byte("eleven byte")))
	if err := w.Write("embed", []byte("twelve bytes")); err != nil {
		log.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		log.Fatal(err)
	}

	f, err := safetensors.Open(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Names(), f.Metadata()["kibisis.crc64nvme.head"])
	// Output:
	// safetensors: tensor "embed": size: 11 bytes of data, shape [2 3] of F16 takes 12
	// [embed head] 3377857006524257
}

// One tensor of a file is replaced and one is left out; the others are copied inside the
// kernel where that can. A crash leaves the old file or the new one.
func ExampleRewrite() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	err = safetensors.WriteFile(context.Background(), path, []safetensors.Source{
		{Name: "body", DType: safetensors.U8, Shape: []int{4}, Data: []byte{1, 2, 3, 4}},
		{Name: "head", DType: safetensors.U8, Shape: []int{2}, Data: []byte{5, 6}},
		{Name: "scratch", DType: safetensors.U8, Shape: []int{1}, Data: []byte{7}},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}

	err = safetensors.Rewrite(context.Background(), path, &safetensors.Edit{
		Drop:     []string{"scratch"},
		Put:      []safetensors.Source{{Name: "head", DType: safetensors.U8, Shape: []int{3}, Data: []byte{8, 8, 8}}},
		Metadata: func(m map[string]string) { m["format"] = "pt" },
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	f, err := safetensors.Open(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Metadata())
	for name, t := range f.All() {
		b, err := t.Bytes()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %d\n", name, b)
	}
	// Output:
	// map[format:pt]
	// body [1 2 3 4]
	// head [8 8 8]
}

// A writer has put a tensor into the file twice, and its readers do not agree on which one
// counts. Repair takes the last, and says so: the bytes of the first are nobody's then, and the data
// did not begin at a multiple of 8.
func ExampleRepair() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	broken, mended := filepath.Join(dir, "broken"), filepath.Join(dir, "mended")
	header := `{"t":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"t":{"dtype":"U8","shape":[3],"data_offsets":[3,6]}}`
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	if err := os.WriteFile(broken, append(append(file, header...), "oldnew"...), 0o666); err != nil {
		log.Fatal(err)
	}

	report, err := safetensors.Repair(context.Background(), mended, broken, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range report {
		fmt.Println(change.Kind, change.Begin, change.End)
	}
	f, err := safetensors.Open(mended, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	t, err := f.Tensor("t")
	if err != nil {
		log.Fatal(err)
	}
	b, err := t.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", b)
	// Output:
	// duplicate 113 116
	// offset 113 116
	// not-canonical 0 113
	// new
}

// A checksum finds what the disk or the network has changed.
func ExampleTensor_Verify() {
	var file bytes.Buffer
	err := safetensors.Encode(&file, []safetensors.Source{
		{Name: "w", DType: safetensors.U8, Shape: []int{4}, Data: []byte{1, 2, 3, 4}},
	}, &safetensors.WriteOptions{Checksums: true})
	if err != nil {
		log.Fatal(err)
	}
	damaged := file.Bytes()
	damaged[len(damaged)-1] ^= 1

	f, err := safetensors.OpenBytes(damaged, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range f.All() {
		_, err := t.Verify()
		fmt.Println(err)
	}
	// Output: safetensors: tensor "w": bytes [120:124): checksum: CRC-64/NVME is 2ee2779bbb111c13, stored "518c87538b24956a"
}

// Tied weights are stored once; the other names are aliases.
func ExampleFile_Aliases() {
	f, err := safetensors.Open("../../testdata/safetensors-py-tied.safetensors", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Names(), f.Aliases())
	// Output: [a.bias a.weight] map[b.bias:a.bias b.weight:a.weight]
}
