package httprange_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/fb777929/kibisis/checkpoint/safetensors/httprange"
)

// Of a file on a server only the header is read, and then the tensors that are
// asked for.
func ExampleOpen() {
	server := httptest.NewServer(http.FileServer(http.Dir("../../../testdata")))
	defer server.Close()

	f, err := httprange.Open(context.Background(), server.URL+"/safetensors-py-tied.safetensors", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	t, err := f.Tensor("a.weight")
	if err != nil {
		log.Fatal(err)
	}
	w, err := safetensors.As[float32](t)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Names(), t.DType(), t.Shape(), w.Data()[:4])
	// Output: [a.bias a.weight] F32 [3 4] [0 0.5 1 1.5]
}

// A folder on a server is a file system, for whatever reads one.
func ExampleFS() {
	server := httptest.NewServer(http.FileServer(http.Dir("../../../testdata")))
	defer server.Close()

	fsys := httprange.FS(context.Background(), server.URL, &httprange.Options{
		Header: http.Header{"Authorization": {"Bearer hf_..."}},
	})
	f, err := safetensors.OpenFS(fsys, "safetensors-py-tied.safetensors", &safetensors.OpenOptions{Lenient: true})
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Aliases())

	_, err = fs.Stat(fsys, "model.safetensors")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// map[b.bias:a.bias b.weight:a.weight]
	// true
}
