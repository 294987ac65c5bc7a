package safetensors

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// told is a list of findings, each as kind, tensor, field, and bytes: the header's as
// they are, those of the data counted from its start.
func told(file []byte, list []*FormatError) []string {
	lines := []string{}
	start := int64(lengthBytes + binary.LittleEndian.Uint64(file))
	for _, e := range list {
		where := fmt.Sprintf("%d:%d", e.Begin-start, e.End-start)
		if e.Begin < start {
			where = string(file[e.Begin:e.End])
		}
		lines = append(lines, fmt.Sprintf("%s %q %q %s", e.Kind, e.Tensor, e.Field, where))
	}
	return lines
}

func TestForgiven(t *testing.T) {
	const (
		a1     = `"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`
		a2     = `"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}`
		a3     = `"\u0061":{"dtype":"I8","shape":[3],"data_offsets":[7,9]}` // wrong in itself
		aList  = `"a":["U8",[2],[0,2]]`
		aMap   = `"a":{"dtype":{"U8":null},"shape":[2],"data_offsets":[0,2]}`
		aBoth  = `"a":[ {"U8":null} ,[1],[0,1]]`
		aExtra = `"a":{"dtype":"U8","x":[{"U8":null}],"shape":[2],"data_offsets":[0,2]}`
	)
	for text, want := range map[string][]string{
		a2:                       {},
		aExtra:                   {},
		a1 + "," + a2:            {`duplicate "a" "" 0:1`},
		a2 + "," + a2:            {`duplicate "a" "" 0:2`},
		a3 + "," + a2:            {`duplicate "a" "" 7:9`},
		a1 + "," + a3 + "," + a2: {`duplicate "a" "" 0:1`, `duplicate "a" "" 7:9`},
		aList:                    {`header-json "a" "" ["U8",[2],[0,2]]`},
		aMap:                     {`header-json "a" "dtype" ` + aMap[4:]},
		aBoth + "," + aMap: {
			`header-json "a" "" ` + aBoth[4:], `header-json "a" "dtype" ` + aBoth[4:], `duplicate "a" "" 0:1`, `header-json "a" "dtype" ` + aMap[4:],
		},
		`"__metadata__":null,` + a2: {},
		`"__metadata__":{"k":"1","k" :"2","l":"","\u006b":"3","\n":"","\n":""},` + a1 + "," + a2: {
			`duplicate "" "k" "k"`, `duplicate "" "k" "\u006b"`, `duplicate "" "\n" "\n"`, `duplicate "a" "" 0:1`,
		},
	} {
		file := frame("{"+text+"}", []byte("ab"))
		f := opened(t, file, &OpenOptions{Lenient: true})
		require.Equal(t, want, told(file, f.Forgiven()), text)
		require.Equal(t, want, told(file, f.Forgiven()), "again")
		_, err := OpenBytes(file, nil)
		require.Equal(t, len(want) > 0, err != nil, text)
	}
	require.Nil(t, opened(t, frame("{"+a2+"}", []byte("ab")), nil).Forgiven())
}

// What is forgiven is what the strict reader refuses, no more and no less.
func TestForgivenIsWhatStrictRefuses(t *testing.T) {
	var files [][]byte
	for _, v := range corpus(t) {
		files = append(files, v.File)
	}
	for maker := newHeaderMaker(7); len(files) < 20_000; {
		files = append(files, maker.file())
	}
	seen := map[ErrorKind]int{}
	for _, file := range files {
		f, err := OpenBytes(file, &OpenOptions{Lenient: true})
		if err != nil {
			continue
		}
		_, err = OpenBytes(file, nil)
		list := f.Forgiven()
		require.Equal(t, err != nil, len(list) > 0, "%q: %v, %v", file, err, list)
		for _, e := range list {
			seen[e.Kind]++
			requirePlain(t, e)
			require.NotZero(t, e.End)
			require.Empty(t, e.Path)
		}
		if err != nil {
			kinds := map[ErrorKind]bool{}
			for _, e := range list {
				kinds[e.Kind] = true
			}
			require.True(t, kinds[kindOf(t, err)], "%q: %v, %v", file, err, list)
		}
	}
	require.Len(t, seen, 2)
	for kind, n := range seen {
		require.Greater(t, n, 50, kind)
	}
}

func TestForgivenIsBounded(t *testing.T) {
	text := "{" + many(251, func(int) string { return `"a":` + emptyEntry }) + "}"
	list := opened(t, frame(text, nil), &OpenOptions{Lenient: true}).Forgiven()
	require.Len(t, list, maxFindings+1)
	require.Equal(t, "safetensors: duplicate: and 150 more, of this kind or another", list[maxFindings].Error())
	text = "{" + many(101, func(int) string { return `"a":` + emptyEntry }) + "}"
	require.Len(t, opened(t, frame(text, nil), &OpenOptions{Lenient: true}).Forgiven(), maxFindings)
}

func TestForgivenMemory(t *testing.T) {
	skipIfRaced(t)
	opens := 0
	for name, text := range hostile {
		for _, header := range []string{text(), `{"\n":` + emptyEntry + "," + strings.TrimPrefix(text(), "{")} {
			f, err := OpenBytes(frame(header, nil), &OpenOptions{Lenient: true})
			if err != nil {
				continue
			}
			opens++
			got := allocated(func() { f.Forgiven() })
			require.LessOrEqual(t, got, 4*len(header)+1<<20, "%s: %.2f times", name, float64(got)/float64(len(header)))
		}
	}
	require.Greater(t, opens, 20)
}

// The walk has memory of its own: others may use the File meanwhile.
func TestForgivenBesideReaders(t *testing.T) {
	const a = `"\na":["U8",[1],[0,1]]`
	f := opened(t, frame(`{"__metadata__":{"\t":"1","\t":"2"},`+a+","+a+"}", []byte("a")), &OpenOptions{Lenient: true})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if n := len(f.Forgiven()); n != 4 {
				t.Errorf("%d forgiven", n)
			}
			if f.Metadata()["\t"] != "2" || f.Names()[0] != "\na" {
				t.Error("other names")
			}
		})
	}
	group.Wait()
}

func TestForgivenOfASet(t *testing.T) {
	dir := t.TempDir()
	entry := `:{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`
	for name, text := range map[string]string{"a": `{"x"` + entry + `,"x"` + entry + `}`, "b": `{"y"` + entry + `}`, "c": `{"z":["U8",[0],[0,0]]}`} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".safetensors"), frame(text, nil), 0o600))
	}
	index := `{"metadata":{"total_size":9},"weight_map":{"x":"a.safetensors","y":"b.safetensors","z":"c.safetensors"}}`
	path := filepath.Join(dir, "model.safetensors.index.json")
	require.NoError(t, os.WriteFile(path, []byte(index), 0o600))
	f, err := Open(path, &OpenOptions{Lenient: true})
	require.NoError(t, err)
	defer f.Close()
	list := f.Forgiven()
	require.Len(t, list, 3)
	for i, want := range []struct {
		path string
		kind ErrorKind
	}{{path, ErrShardIndex}, {filepath.Join(dir, "a.safetensors"), ErrDuplicate}, {filepath.Join(dir, "c.safetensors"), ErrHeaderJSON}} {
		require.Equal(t, want.path, list[i].Path)
		require.Equal(t, want.kind, list[i].Kind)
	}
	list[0].Path = "" // it is the caller's
	require.Equal(t, path, f.Forgiven()[0].Path)
}
