//go:build unix

package checkpoint

// This file is the saver that runs out of room: the limit for the size of its files is
// less than what it saves.

import (
	"context"
	"fmt"
	"os/signal"

	"golang.org/x/sys/unix"
)

func saveWithoutRoom(path string) {
	signal.Ignore(unix.SIGXFSZ) // else the first write past the limit kills the process
	limit := unix.Rlimit{Cur: 100_000, Max: 100_000}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	for _, checksums := range []bool{false, true} {
		fmt.Printf("%t: %v\n", checksums, SaveModel(context.Background(), path, version(2), &SaveOptions{Checksums: checksums}))
	}
}
