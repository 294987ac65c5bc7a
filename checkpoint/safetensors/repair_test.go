package safetensors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// repaired repairs a file in a folder of its own, and returns the report and what was
// written. After a refusal there is nothing but the file, as it was.
func repaired(t testing.TB, file []byte, o *WriteOptions) (report []*FormatError, out []byte, err error) {
	t.Helper()
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
	require.NoError(t, os.WriteFile(src, file, 0o600))
	report, err = Repair(t.Context(), dst, src, o)
	now, readErr := os.ReadFile(src)
	require.NoError(t, readErr)
	require.True(t, string(file) == string(now), "src was changed")
	left, readErr := os.ReadDir(dir)
	require.NoError(t, readErr)
	if err != nil {
		require.Len(t, left, 1)
		require.Nil(t, report)
		return nil, nil, err
	}
	require.Len(t, left, 2)
	for _, e := range report {
		requirePlain(t, e)
		require.Equal(t, src, e.Path)
		require.True(t, e.End <= int64(len(file)) || e.Kind == ErrDuplicate, "%v", e) // which claims what it likes
	}
	out, readErr = os.ReadFile(dst)
	require.NoError(t, readErr)
	return report, out, nil
}

const (
	u8a      = `"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}`
	u8b      = `"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}`
	oldA     = `"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}`
	newA     = `"a":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}`
	earlyEnd = `{},"__metadata__":`
)

// aligned is a header's text with spaces behind it, so that the data begins as it should.
func aligned(text string) string { return text + strings.Repeat(" ", -len(text)&(dataAlign-1)) }

func TestRepairMends(t *testing.T) {
	a, ab := []Source{piece("a", U8, 0, 2, 2)}, []Source{piece("a", U8, 0, 2, 2), piece("b", U8, 2, 4, 2)}
	later := []Source{piece("a", U8, 3, 5, 2)}
	k := map[string]string{"k": "v"}
	right := aligned("{" + u8a + "}")
	for name, c := range map[string]struct {
		text     string
		data     int
		src      []Source
		metadata map[string]string
		report   []string
	}{
		"nothing":              {right, 2, a, nil, []string{}},
		"no tensors":           {aligned("{}"), 0, nil, nil, []string{}},
		"metadata":             {aligned(`{"__metadata__":{"k":"v"}}`), 0, nil, k, []string{}},
		"NUL behind":           {"{" + u8a + "}\x00\x00", 2, a, nil, []string{"header-json \"\" \"\" \x00\x00", misaligned("{" + u8a + "}\x00\x00")}},
		"NUL among spaces":     {strings.TrimRight(right, " ") + " \x00 ", 2, a, nil, []string{"header-json \"\" \"\" \x00"}},
		"BOM in front":         {aligned("\ufeff{" + u8a + "}"), 2, a, nil, []string{"header-json \"\" \"\" \ufeff"}},
		"NBSP":                 {aligned("{" + u8a + "}\u00a0"), 2, a, nil, []string{"header-json \"\" \"\" \u00a0"}},
		"Latin-1 NBSP":         {aligned("{" + u8a + "}\xa0\xa0"), 2, a, nil, []string{"header-utf8 \"\" \"\" \xa0\xa0"}},
		"form feeds, tabs":     {aligned("\f {" + u8a + "}\v\n\v"), 2, a, nil, []string{"header-json \"\" \"\" \f", "header-json \"\" \"\" \v\n\v"}},
		"spaces in front":      {aligned(" {" + u8a + "}"), 2, a, nil, []string{"not-canonical \"\" \"\"  {" + u8a + aligned(" {" + u8a + "}")[len(u8a)+2:]}},
		"early end":            {aligned(earlyEnd + `{}}`), 0, nil, nil, []string{`header-json "" "__metadata__" ` + earlyEnd, `not-canonical "" "__metadata__" `}},
		"early end, metadata":  {aligned(earlyEnd + `{"k":"v"}}`), 0, nil, k, []string{`header-json "" "__metadata__" ` + earlyEnd}},
		"empty metadata":       {aligned(`{"__metadata__":{},` + u8a + "}"), 2, a, nil, []string{`not-canonical "" "__metadata__" `}},
		"null metadata":        {aligned(`{"__metadata__":null,` + u8a + "}"), 2, a, nil, []string{`not-canonical "" "" ` + aligned(`{"__metadata__":null,`+u8a+"}")}},
		"stale checksum":       {aligned(`{"__metadata__":{"k":"v","kibisis.crc64nvme.z":"0"},` + u8a + "}"), 2, a, k, []string{`not-canonical "" "kibisis.crc64nvme.z" `}},
		"bytes behind":         {right, 5, a, nil, []string{`incomplete "" "" 2:5`}},
		"bytes, no tensors":    {aligned("{}"), 3, nil, nil, []string{`incomplete "" "" 0:3`}},
		"one place":            {aligned("{" + u8a + "," + u8a + "}"), 2, a, nil, []string{`duplicate "a" "" 0:2`}},
		"two places":           {aligned("{" + oldA + "," + newA + "}"), 5, later, nil, []string{`duplicate "a" "" 0:3`, `offset "a" "" 0:3`}},
		"two places, backward": {aligned("{" + newA + "," + u8a + "}"), 5, a, nil, []string{`duplicate "a" "" 3:5`, `incomplete "" "" 2:5`}},
		"metadata key":         {aligned(`{"__metadata__":{"k":"w","k":"v"}}`), 0, nil, k, []string{`duplicate "" "k" "k"`}},
		"list":                 {aligned(`{"a":["U8",[2],[0,2]]}`), 2, a, nil, []string{`header-json "a" "" ["U8",[2],[0,2]]`}},
		"dtype object":         {aligned(`{"a":[{"U8":null},[2],[0,2]]}`), 2, a, nil, []string{`header-json "a" "" [{"U8":null},[2],[0,2]]`, `header-json "a" "dtype" [{"U8":null},[2],[0,2]]`}},
		"order":                {aligned(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`), 4, []Source{piece("a", U8, 2, 4, 2), piece("b", U8, 0, 2, 2)}, nil, []string{`not-canonical "b" "" 0:2`}},
		"order in the header":  {aligned("{" + u8b + "," + u8a + "}"), 4, ab, nil, []string{`not-canonical "" "" ` + aligned("{"+u8b+","+u8a+"}")}},
		"data not aligned":     {"{" + u8a + "}", 2, a, nil, []string{misaligned("{" + u8a + "}")}},
		"tensor not aligned":   {aligned("{" + u8a + `,"i":{"dtype":"I16","shape":[1],"data_offsets":[2,4]},"l":{"dtype":"I32","shape":[],"data_offsets":[4,8]},"m":{"dtype":"I64","shape":[],"data_offsets":[8,16]},"n":{"dtype":"BOOL","shape":[1],"data_offsets":[16,17]},"o":{"dtype":"I32","shape":[1],"data_offsets":[17,21]}}`), 21, append(a, piece("i", I16, 2, 4, 1), piece("l", I32, 4, 8), piece("m", I64, 8, 16), piece("n", Bool, 16, 17, 1), piece("o", I32, 17, 21, 1)), nil, []string{`not-canonical "o" "" 17:21`, `not-canonical "a" "" 0:2`}},
		"spelling":             {aligned(`{ "a":{"shape":[2],"dtype":"U8","data_offsets":[0,2],"x":[1]}}`), 2, a, nil, []string{`not-canonical "" "" ` + aligned(`{ "a":{"shape":[2],"dtype":"U8","data_offsets":[0,2],"x":[1]}}`)}},
		"spelling and behind":  {"{" + u8a + "}" + strings.Repeat(" ", 8-(len(u8a)+2)%8+8), 3, a, nil, []string{`not-canonical "" "" ` + "{" + u8a + "}" + strings.Repeat(" ", 8-(len(u8a)+2)%8+8), `incomplete "" "" 2:3`}},
		"shard of a set":       {aligned(`{"__metadata__":{"kibisis.set":"d"},` + u8a + "}"), 3, a, map[string]string{"kibisis.set": "d"}, []string{`incomplete "" "" 2:3`}},
	} {
		t.Run(name, func(t *testing.T) {
			file := frame(c.text, counted(c.data))
			report, out, err := repaired(t, file, nil)
			require.NoError(t, err)
			require.Equal(t, string(encoded(t, c.metadata, c.src...)), string(out))
			require.Equal(t, c.report, told(file, report))
			require.Equal(t, len(report) == 0, string(file) == string(out))
			again, twice, err := repaired(t, out, nil)
			require.NoError(t, err)
			require.Empty(t, again)
			require.Equal(t, string(out), string(twice))
		})
	}
}

// misaligned is how told says that the data begins at an odd place.
func misaligned(text string) string { return `not-canonical "" "" ` + string(frame(text, nil)) }

func TestRepairRefuses(t *testing.T) {
	a, far := u8a, `"a":{"dtype":"U8","shape":[2],"data_offsets":[5,7]}`
	for name, c := range map[string]struct {
		file []byte
		want ErrorKind
	}{
		"nothing":               {nil, ErrHeaderTooSmall},
		"only padding":          {frame("\x00\x00 \u00a0\xa0", nil), ErrHeaderJSON},
		"cut header":            {frame("{"+a+"}", nil)[:20], ErrHeaderLength},
		"cut data":              {frame("{"+a+"}", counted(1)), ErrIncomplete},
		"overlap":               {frame("{"+a+`,"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, counted(3)), ErrOffset},
		"hole":                  {frame("{"+a+`,"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}`, counted(5)), ErrOffset},
		"hole in front":         {frame("{"+far+"}", counted(7)), ErrOffset},
		"hole, half explained":  {frame("{"+oldA+","+far+"}", counted(7)), ErrOffset},
		"hole, second half":     {frame(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[2,5]},`+far+"}", counted(7)), ErrOffset},
		"hole, and more":        {frame(`{"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},`+far+"}", counted(7)), ErrOffset},
		"hole, by a wrong one":  {frame(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,5]},`+far+"}", counted(7)), ErrOffset},
		"hole, by one reversed": {frame(`{"a":{"dtype":"U8","shape":[5],"data_offsets":[5,0]},`+far+"}", counted(7)), ErrOffset},
		"hole, overlapped":      {frame(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]},`+far+"}", counted(7)), ErrOffset},
		"size":                  {frame(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}}`, counted(2)), ErrSize},
		"unknown dtype":         {frame(`{"a":{"dtype":"I128","shape":[0],"data_offsets":[0,0]}}`, nil), ErrHeaderJSON},
		"bad JSON, padded":      {frame(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],}}`+"\x00", nil), ErrHeaderJSON},
		"padding inside":        {frame(`{"__metadata__":`+"\u00a0"+`{}}`, nil), ErrHeaderJSON},
		"padding in a string":   {frame(`{"__metadata__":{"k":"`+"\x00"+`"}}`, nil), ErrHeaderJSON},
		"UTF-8":                 {frame(`{"__metadata__":{"k":"`+"\xa0"+`"}}`+"\x00", nil), ErrHeaderUTF8},
		"Latin-1 letter":        {frame(`{}`+"\xe9", nil), ErrHeaderUTF8},
		"two objects":           {frame(`{},{}`, nil), ErrHeaderJSON},
		"early end of another":  {frame(`{},"__METADATA__":{}}`, nil), ErrHeaderJSON},
		"field twice":           {frame(`{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, nil), ErrDuplicate},
		"metadata twice":        {frame(`{"__metadata__":{},"__metadata__":{}}`, nil), ErrDuplicate},
		"a dim beyond int":      {frame(`{"a":{"dtype":"U8","shape":[0,`+maxU64+`],"data_offsets":[0,0]}}`, nil), ErrOverflow},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := repaired(t, c.file, nil)
			require.Equal(t, c.want, kindOf(t, err), "%v", err)
			requirePlain(t, err)
		})
	}
}

// Positions in a refusal are those of the file, also behind what could be mended.
func TestRepairRefusesAtThePlace(t *testing.T) {
	file := frame("\ufeff{},x", nil)
	_, _, err := repaired(t, file, nil)
	var where *FormatError
	require.ErrorAs(t, err, &where)
	require.Equal(t, ",", string(file[where.Begin:where.End]))
	require.Equal(t, "src", filepath.Base(where.Path))
}

// Of each sort 100 are listed, so that none crowds out another.
func TestRepairReportIsBounded(t *testing.T) {
	const n = 151
	byteAt := func(i, at int) string {
		return fmt.Sprintf(`"%s":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, distinct(i, 3), at, at+1)
	}
	text := aligned("{" + many(n, func(i int) string { return byteAt(i, 2*i) + "," + byteAt(i, 2*i+1) }) + "}\x00")
	report, out, err := repaired(t, frame(text, counted(2*n+7)), nil)
	require.NoError(t, err)
	require.Equal(t, n, opened(t, out, nil).Len())
	const again, holes = 1, 1 + maxFindings + 1
	require.Len(t, report, holes+maxFindings+1+2)
	require.Equal(t, ErrHeaderJSON, report[0].Kind)
	for i := range maxFindings {
		require.Equal(t, ErrDuplicate, report[again+i].Kind)
		require.Equal(t, ErrOffset, report[holes+i].Kind)
	}
	const more = "and 51 more, of this kind or another"
	require.Equal(t, more, report[again+maxFindings].Detail)
	require.Equal(t, more, report[holes+maxFindings].Detail)
	require.Equal(t, ErrNotCanonical, report[len(report)-2].Kind)
	require.Equal(t, ErrIncomplete, report[len(report)-1].Kind)
}

// Checksums stay as they are, also of bytes that are damaged, which is how the damage is
// found; tensors without one get theirs only if that is asked for.
func TestRepairChecksums(t *testing.T) {
	src := []Source{piece("a", U8, 0, 100, 100), piece("b", U8, 0, 50, 50)}
	file := encoded(t, map[string]string{"kibisis.crc64nvme.a": spell(checksum(src[0].Data))}, src...)
	begin, _ := tensorOf(t, opened(t, file, nil), "a").Range()
	file[begin] ^= 1
	for _, all := range []bool{false, true} {
		report, out, err := repaired(t, append(file[:len(file):len(file)], "behind"...), &WriteOptions{Checksums: all, Align: 512})
		require.NoError(t, err)
		require.Len(t, report, 1, "what was asked for is not reported")
		f := opened(t, out, nil)
		require.Zero(t, f.shards[0].h.dataStart()%512)
		stored, err := tensorOf(t, f, "a").Verify()
		require.True(t, stored)
		require.ErrorIs(t, err, ErrChecksum)
		stored, err = tensorOf(t, f, "b").Verify()
		require.Equal(t, all, stored)
		require.NoError(t, err)
	}
}

func TestRepairPaths(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	file := frame("{"+u8a+"}", counted(3))
	require.NoError(t, os.WriteFile(at("src"), file, 0o600))
	require.NoError(t, os.Link(at("src"), at("hard")))
	if err := os.Symlink("src", at("soft")); err != nil {
		t.Logf("no symbolic links here: %v", err)
	}
	for _, dst := range []string{"src", "hard", "./src", "soft"} {
		if _, err := os.Stat(at(dst)); err != nil {
			continue
		}
		_, err := Repair(t.Context(), at(dst), at("src"), nil)
		require.ErrorContains(t, err, "they are one file", dst)
	}
	_, err := Repair(t.Context(), at("dst"), at("missing"), nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Repair(t.Context(), at("dst"), dir, nil)
	require.ErrorContains(t, err, "not a regular file")
	_, err = Repair(t.Context(), at("dst"), at("src"), &WriteOptions{Metadata: map[string]string{}})
	require.ErrorContains(t, err, "Metadata")
	_, err = Repair(t.Context(), at("dst"), at("src"), &WriteOptions{Align: 3})
	require.ErrorContains(t, err, "Align")
	_, err = Repair(t.Context(), at("no/dst"), at("src"), nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the cause")
	cancel(cause)
	_, err = Repair(ctx, at("dst"), at("src"), nil)
	require.ErrorIs(t, err, cause)
	require.NoFileExists(t, at("dst"))

	require.NoError(t, os.WriteFile(at("dst"), []byte("old"), 0o600))
	report, err := Repair(t.Context(), at("dst"), at("src"), nil)
	require.NoError(t, err)
	require.Len(t, report, 2)
	require.Equal(t, ErrIncomplete, report[1].Kind)
	f, err := Open(at("dst"), nil)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// On a disk that fails at any call there is no new file, or a whole one.
func TestRepairOnAFailingDisk(t *testing.T) {
	file := frame("{"+oldA+","+newA+"}\x00", counted(6))
	want := string(encoded(t, nil, piece("a", U8, 3, 5, 2)))
	for call := 0; ; call++ {
		d := faulty.NewDisk()
		d.WriteFile("m", file)
		p := d.Process()
		p.Inject(faulty.Fault{Kind: faulty.Fail, Call: call, Err: syscall.EIO})
		report, err := repairOn(p, "out", "m")
		require.Zero(t, d.OpenHandles())
		if err != nil {
			require.ErrorIs(t, err, syscall.EIO)
		}
		require.Equal(t, err == nil || errors.Is(err, ErrUnconfirmed), report != nil, "%v", err)
		got, readErr := d.ReadFile("out")
		require.Equal(t, report != nil, readErr == nil, "%v", err)
		if readErr == nil {
			require.Equal(t, want, string(got))
		}
		if p.Calls() <= call {
			require.NoError(t, err)
			require.Greater(t, call, 15)
			return
		}
	}
}

func repairOn(p *faulty.Process, dst, src string) ([]*FormatError, error) {
	h, err := p.OpenFile(src, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := h.Stat()
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return repair(context.Background(), p, dst, &source{path: src, r: h, size: info.Size(), closer: h}, WriteOptions{Align: dataAlign})
}
