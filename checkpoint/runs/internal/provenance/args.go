package provenance

// This file is the command line: what of it is kept, and how it reads as flags.

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Redacted stands in the place of a value that is not kept.
const Redacted = "[redacted]"

// clean makes of arguments what can be kept: without values that look secret, and
// not without end.
func clean(args []string) []string {
	const most = 64 << 10 // bytes; a manifest is read each time that runs are listed
	kept := redact(args, secret)
	size := 0
	for i, arg := range kept {
		if size += len(arg); size > most {
			return append(kept[:i], fmt.Sprintf("[and %d more]", len(kept)-i))
		}
	}
	return kept
}

// Redact drops the values of the flags that drop selects, by their names without
// dashes. Those that look secret by their names (token, password, secret, key and
// the like) are dropped already.
func (p *Provenance) Redact(drop func(flag string) bool) {
	p.Args = redact(p.Args, drop)
}

// userinfo is name and password in an address.
var userinfo = regexp.MustCompile(`(://)[^/@\s]+@`)

// redact drops the values of flags: what follows "=", or the next argument, whatever
// that is, for a value may begin with a dash.
func redact(args []string, drop func(name string) bool) []string {
	kept := make([]string, 0, len(args))
	hide := false // this argument is the value of the one before
	for _, arg := range args {
		arg = strings.ToValidUTF8(arg, "\uFFFD")
		left, _, valued := strings.Cut(arg, "=")
		dropped := drop(strings.TrimLeft(left, "-"))
		switch {
		case hide:
			kept = append(kept, Redacted)
		case valued && dropped:
			kept = append(kept, left+"="+Redacted)
		default:
			kept = append(kept, userinfo.ReplaceAllString(arg, "${1}"+Redacted+"@"))
		}
		hide = dropped && !valued && strings.HasPrefix(arg, "-")
	}
	return kept
}

// secret reports whether a name looks as if its value were one. "tokenizer" and
// "max-tokens" do not.
func secret(name string) bool {
	for _, word := range words(name) {
		for _, end := range []string{"token", "key", "auth", "credential", "credentials", "cookie", "pwd", "pass"} {
			if strings.HasSuffix(word, end) {
				return true
			}
		}
		for _, part := range []string{"secret", "passw", "passphrase", "apikey"} {
			if strings.Contains(word, part) {
				return true
			}
		}
	}
	return false
}

// words splits a name at what is no letter and before capitals, in lower case.
func words(name string) []string {
	var all []string
	word := []rune{}
	end := func() {
		all = append(all, strings.ToLower(string(word)))
		word = word[:0]
	}
	lower := false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r):
			end()
		case unicode.IsUpper(r) && lower:
			end()
			word = append(word, r)
		default:
			word = append(word, r)
		}
		lower = unicode.IsLower(r)
	}
	end()
	return slices.DeleteFunc(all, func(w string) bool { return w == "" })
}

// flags gives a command line's flags by name, and under "" what is no flag. A flag
// without a value is "true", one given several times has its values behind each
// other. Which flags take a value is a guess: those that are followed by one.
func flags(args []string) map[string]string {
	all := map[string]string{}
	add := func(name, value string) {
		if old, ok := all[name]; ok {
			value = old + " " + value
		}
		all[name] = value
	}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			for _, rest := range args[i+1:] {
				add("", rest)
			}
			break
		}
		name, value, valued := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case !isFlag(arg):
			add("", arg)
		case valued:
			add(name, value)
		case i+1 < len(args) && !isFlag(args[i+1]) && args[i+1] != "--":
			i++
			add(name, args[i])
		default:
			add(name, "true")
		}
	}
	return all
}

// isFlag reports whether arg names a flag; "-" and "-1e-3" do not.
func isFlag(arg string) bool {
	name := strings.TrimLeft(arg, "-")
	return name != arg && name != "" && (name[0] < '0' || name[0] > '9') && name[0] != '.'
}
