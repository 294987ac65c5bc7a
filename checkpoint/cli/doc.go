// Package cli is the command kibisis as a library: commands that look at
// safetensors files, check and repair them, and one that tries a disk, which a program
// can also take in under its own:
//
//	root := &cobra.Command{Use: "mytool"}
//	root.AddCommand(cli.New()) // mytool kibisis verify model.safetensors
//
// The commands parse arguments and print; what they know about files they ask
// package safetensors, about disks package runs/prove. They write to the command's
// OutOrStdout and ErrOrStderr only. An error they return may be an [*ExitError], which
// says how the process should end. The command prove starts the program again, with the
// words that led to it, the last one being prove-child.
//
// # What reaches the terminal
//
// Names, metadata and paths come from strangers. Every one is printed bare if all
// its runes are visible and it has no space and no quote, else as a Go string
// literal, so that strconv.Unquote gives it back, and so that no control
// sequence, line break or change of writing direction gets through. In JSON such
// runes are \u escapes.
package cli
