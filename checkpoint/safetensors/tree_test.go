package safetensors

// This file is about which file of a folder is the model.

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestWhichFileOfAFolder(t *testing.T) {
	file := encoded(t, map[string]string{"is": "file"}, oneByte("x"))
	index := `{"metadata":{"is":"index"},"weight_map":{}}`
	for _, c := range []struct {
		files []string
		want  string // the metadata "is", or words of an error
	}{
		{[]string{indexName, "model.safetensors", "a.safetensors.index.json"}, "index"},
		{[]string{"model.safetensors", "a.safetensors.index.json", "b.safetensors"}, "file"},
		{[]string{"model.fp16.safetensors.index.json", "model-1.safetensors"}, "index"},
		{[]string{"model.safetensors.index.fp16.json", "model-1.safetensors"}, "index"},
		{[]string{"model.safetensors.fp16.index.json", "model-1.safetensors"}, "index"},
		{[]string{"model.safetensors.index_of.json", "model.index.json", "model-1.safetensors"}, "file"},
		{[]string{"a.safetensors", "config.json"}, "file"},
		{[]string{"a.safetensors.index.json", "b.safetensors.index.json", "c.safetensors"}, `holds "a.safetensors.index.json", "b.safetensors.index.json": open one`},
		{[]string{"b.safetensors", "a.safetensors"}, `holds "a.safetensors", "b.safetensors": open one`},
		{[]string{"config.json", "model.bin"}, `it holds "config.json", "model.bin"`},
		{nil, "it holds nothing"},
	} {
		set := fstest.MapFS{"sub/deep/x": {Data: nil}, "sub/folder.safetensors/x": {Data: nil}}
		for _, name := range c.files {
			data := []byte(index)
			if strings.HasSuffix(name, ".safetensors") {
				data = file
			}
			set["sub/"+name] = &fstest.MapFile{Data: data}
		}
		dir := onDisk(t, set)
		for _, open := range []func() (*File, error){
			func() (*File, error) { return OpenFS(set, "sub", nil) },
			func() (*File, error) { return Open(filepath.Join(dir, "sub"), nil) },
		} {
			f, err := open()
			if err != nil {
				require.ErrorContains(t, err, c.want)
				require.NotErrorIs(t, err, fs.ErrNotExist)
				continue
			}
			require.Equal(t, c.want, f.Metadata()["is"], "%q", c.files)
			require.NoError(t, f.Close())
		}
	}
}
