// Command asm writes the assembly of nn/internal/kernel and its declarations in Go. Run it in
// .ci/tools:
//
//	go run ./asm ../../nn/internal/kernel
//
// All loops are of float32, for AVX2 and FMA. They take any length and load from any address:
// what is computed of an element depends on its place in the slice, never on that of the slice
// in memory.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// name is that of the files, without what is after it.
const name = "float32_amd64"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: asm FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(folder string) error {
	p := program{Context: build.NewContext(), constants: map[uint32]operand.Mem{}}
	// Race detector and sanitizers cannot see what assembly writes.
	for _, tag := range []string{"!purego", "!race", "!msan", "!asan"} {
		p.ConstraintExpr(tag)
	}
	p.maskTable()
	p.vectorLoops()
	p.sumLoops()
	p.activationLoops()
	p.softmaxLoops()
	p.normLoops()
	p.optimizerLoops()
	file, err := p.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return err
	}
	for _, f := range file.Functions() {
		f.Nodes = slices.DeleteFunc(f.Nodes, idle)
	}
	config := printer.Config{Name: "the avo program in .ci/tools/asm", Pkg: "kernel"}
	if err := write(filepath.Join(folder, name+".s"), printer.NewGoAsm(config), file); err != nil {
		return err
	}
	return write(filepath.Join(folder, name+".go"), printer.NewStubs(config), file)
}

// idle says that a node moves a register to itself, as copies do whose original is not used again.
func idle(n ir.Node) bool {
	i, ok := n.(*ir.Instruction)
	return ok && i.Opcode == "VMOVAPS" && i.Operands[0] == i.Operands[1]
}

func write(path string, p printer.Printer, file *ir.File) error {
	text, err := p.Print(file)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o666)
}
