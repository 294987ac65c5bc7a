package provenance

// This file is what the go command has recorded in the program.

import (
	"runtime/debug"
	"slices"
)

// settings is the settings of a build that can change what is computed. Others hold
// paths, or values given to -ldflags -X, which may be secret.
var settings = []string{
	"-asan", "-asmflags", "-buildmode", "-compiler", "-gcflags", "-msan", "-pgo", "-race", "-tags", "-trimpath",
	"CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_ENABLED", "CGO_LDFLAGS",
	"GO386", "GOAMD64", "GOARM", "GOARM64", "GOEXPERIMENT", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64",
}

// addBuild adds what info says of modules, settings and version control.
func (p *Provenance) addBuild(info *debug.BuildInfo) {
	p.Program, p.Main = info.Path, info.Main.Path
	p.Modules = make(map[string]string, len(info.Deps)+1)
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != "" {
			p.Modules[m.Path] = version(m)
		}
	}
	p.Build = map[string]string{}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			p.Code.Revision = s.Value
		case "vcs.time":
			p.Code.Time = s.Value
		case "vcs.modified":
			p.Code.Modified = s.Value == "true"
		}
		if slices.Contains(settings, s.Key) && s.Value != "" {
			p.Build[s.Key] = s.Value
		}
	}
}

func version(m *debug.Module) string {
	if m.Replace == nil {
		return m.Version
	}
	v := m.Version + " => " + m.Replace.Path
	if m.Replace.Version != "" {
		v += "@" + m.Replace.Version
	}
	return v
}
