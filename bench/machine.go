package main

// This file says what the numbers were measured on.

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
)

// A machine is what a reader needs to judge figures by. Facts that cannot be found
// out cheaply are "".
type machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"` // that Go uses
	System     string `json:"system"`
	Go         string `json:"go"`
	FileSystem string `json:"file_system"`
	HugePages  string `json:"transparent_huge_pages"`
	Python     string `json:"python"` // and its packages
}

func (l *lab) machine() machine {
	m := machine{
		CPU:        cpuModel(),
		Cores:      cores(),
		System:     strings.TrimSpace(runtime.GOOS + "/" + runtime.GOARCH + " " + kernel()),
		Go:         runtime.Version(),
		FileSystem: fileSystem(l.dir),
		HugePages:  hugePages(),
	}
	if l.python != nil {
		m.Python = versionText(l.python.versions)
	}
	return m
}

func (m machine) String() string {
	facts := []string{m.CPU, count(m.Cores, "core"), m.System, m.Go, m.FileSystem, m.Python}
	if m.HugePages != "" {
		facts = append(facts, "transparent huge pages: "+m.HugePages)
	}
	return strings.Join(slices.DeleteFunc(facts, func(fact string) bool { return fact == "" }), ", ")
}

func versionText(versions map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		list = append(list, name+" "+versions[name])
	}
	return strings.Join(list, ", ")
}

// cpuModel is the name that Linux has for the processor, or Windows.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return os.Getenv("PROCESSOR_IDENTIFIER")
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// hugePages is the chosen one of "always [madvise] never".
func hugePages() string {
	text, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if err != nil {
		return ""
	}
	_, chosen, _ := strings.Cut(string(text), "[")
	chosen, _, _ = strings.Cut(chosen, "]")
	return chosen
}
