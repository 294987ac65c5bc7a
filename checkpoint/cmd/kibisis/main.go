// Command kibisis looks at safetensors files, checks and repairs them. It is package
// cli with a main around it.
//
//	go install github.com/fb777929/kibisis/checkpoint/cmd/kibisis@latest
//	kibisis --help
package main

import (
	"os"

	"github.com/fb777929/kibisis/checkpoint/cli"
)

func main() { os.Exit(cli.Main()) }
