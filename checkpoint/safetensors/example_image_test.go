package safetensors_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A save in the background: the tensors are copied to where they lie in the file, and may
// change again; the file is completed and written meanwhile. The memory serves every save.
func ExamplePlanImage() {
	ctx := context.Background()
	weights := []byte{1, 2, 3}
	src := []safetensors.Source{{Name: "w", DType: safetensors.U8, Shape: []int{3}, Data: weights}}
	m, err := safetensors.PlanImage(safetensors.SpecsOf(src), &safetensors.WriteOptions{Checksums: true})
	if err != nil {
		log.Fatal(err)
	}
	memory := make([]byte, m.Size())
	for range 2 {
		if err := m.Place(memory); err != nil {
			log.Fatal(err)
		}
		if err := m.Fill(ctx, src); err != nil {
			log.Fatal(err)
		}
		saved := make(chan error)
		go func() { saved <- save(ctx, m, memory) }()
		weights[0] += 10 // training goes on
		if err := <-saved; err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// [1 2 3]
	// [11 2 3]
}

// save completes the file, and opens it where a program would write it.
func save(ctx context.Context, m *safetensors.Image, memory []byte) error {
	if err := m.Seal(ctx); err != nil {
		return err
	}
	f, err := safetensors.NewFile(bytes.NewReader(memory), m.Size(), &safetensors.OpenOptions{Verify: true})
	if err != nil {
		return err
	}
	defer f.Close()
	t, err := f.Tensor("w")
	if err != nil {
		return err
	}
	w, err := t.Bytes()
	fmt.Printf("%d\n", w)
	return err
}
