package cli

// This file finds out which version this is, which only the build knows.

import "runtime/debug"

const module = "github.com/fb777929/kibisis"

// version returns the module's version, also where it is built into another
// program: "(devel)" for a working copy.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return versionIn(info)
}

func versionIn(info *debug.BuildInfo) string {
	found := info.Main
	for _, dep := range info.Deps {
		if dep.Path == module {
			found = *dep
		}
	}
	if found.Path != module || found.Version == "" {
		return "(devel)"
	}
	return found.Version
}
