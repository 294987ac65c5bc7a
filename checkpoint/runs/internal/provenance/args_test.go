package provenance

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSecretsAreNotKept(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-lr 1e-3 --batch=32", "-lr 1e-3 --batch=32"},
		{"-token abc -lr 1", "-token [redacted] -lr 1"},
		{"-token=abc", "-token=[redacted]"},
		{"--hf-token -abc", "--hf-token [redacted]"},
		{"--hf_token=a=b", "--hf_token=[redacted]"},
		{"-password -token abc", "-password [redacted] [redacted]"},
		{"-apiKey abc -APIKEY abc -aws.secret.id x", "-apiKey [redacted] -APIKEY [redacted] -aws.secret.id [redacted]"},
		{"-oauthToken x -accesstoken x -passwd x -db-passphrase x", "-oauthToken [redacted] -accesstoken [redacted] -passwd [redacted] -db-passphrase [redacted]"},
		{"API_TOKEN=abc train", "API_TOKEN=[redacted] train"},
		{"s3://me:hunter2@host/data https://host/@x", "s3://[redacted]@host/data https://host/@x"},
		{"-data=https://me:pw@host/x", "-data=https://[redacted]@host/x"},
		{"-tokenizer bpe -max-tokens 512 -keep 3 -keys 2", "-tokenizer bpe -max-tokens 512 -keep 3 -keys 2"},
		{"-token", "-token"},
		{"token abc", "token abc"},
	} {
		require.Equal(t, strings.Fields(c.want), clean(strings.Fields(c.args)), c.args)
	}
}

func TestRedactDropsWhatItIsTold(t *testing.T) {
	args := []string{"train", "-user", "me", "-lr=1", "-token=x"}
	p := Collect(args)
	p.Redact(func(flag string) bool { return flag == "user" })
	require.Equal(t, []string{"-user", "[redacted]", "-lr=1", "-token=[redacted]"}, p.Args)
	require.Equal(t, []string{"train", "-user", "me", "-lr=1", "-token=x"}, args, "the caller's own")
}

// A shell's pattern may give a hundred thousand files.
func TestLongCommandLinesAreCut(t *testing.T) {
	p := Collect(slices.Repeat([]string{"shard.gz"}, 100_001))
	require.Len(t, p.Args, 64<<10/8+1)
	require.Equal(t, "[and 91808 more]", p.Args[len(p.Args)-1])
	require.Equal(t, []string{"[and 1 more]"}, Collect([]string{"x", strings.Repeat("x", 1<<20)}).Args)
}

func TestFlagsByName(t *testing.T) {
	for args, want := range map[string]map[string]string{
		"":                                {},
		"-lr 1e-3":                        {"lr": "1e-3"},
		"--lr=1e-3":                       {"lr": "1e-3"},
		"-lr -1e-3 -x -.5":                {"lr": "-1e-3", "x": "-.5"},
		"-v -lr 1 train -in - more":       {"v": "true", "lr": "1", "": "train more", "in": "-"},
		"-v":                              {"v": "true"},
		"-d a -d=b":                       {"d": "a b"},
		"-v -- -lr 1":                     {"v": "true", "": "-lr 1"},
		"-lr= x":                          {"lr": "", "": "x"},
		"-n=a=b":                          {"n": "a=b"},
		"fit -- a -- b -token=[redacted]": {"": "fit a -- b -token=[redacted]"},
	} {
		require.Equal(t, want, flags(strings.Fields(args)), args)
	}
}

// However a flag is written that looks secret, its value is nowhere in what is kept.
func TestNoSpellingKeepsASecret(t *testing.T) {
	word := rapid.StringMatching(`-{0,2}(lr|token|v|api-key|dbPassword|x)(=)?`)
	rapid.Check(t, func(rt *rapid.T) {
		args := rapid.SliceOfN(word, 0, 4).Draw(rt, "args")
		name := rapid.SampledFrom([]string{"-token", "--api-key", "-dbPassword"}).Draw(rt, "name")
		if rapid.Bool().Draw(rt, "equals") {
			args = append(args, name+"=hunter2")
		} else {
			args = append(args, name, "hunter2")
		}
		require.NotContains(rt, strings.Join(clean(args), " "), "hunter2")
	})
}
