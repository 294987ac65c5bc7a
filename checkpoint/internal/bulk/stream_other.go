//go:build !amd64 || purego || race || msan || asan

package bulk

// This file is stream_amd64.go's twin for other processors, and for builds that must see
// every write.

func streamPiece(dst, src []byte) { copyPiece(dst, src) }
