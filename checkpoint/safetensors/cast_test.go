//go:build !purego && (386 || amd64 || arm || arm64 || loong64 || mips64le || mipsle || ppc64le || riscv64 || wasm)

package safetensors

// zeroCopy says that views can be the file's own memory.
const zeroCopy = true
