#!/bin/sh
# Every header compiles on its own.
set -eu
top=${top_srcdir:-$(dirname "$0")/../..}
builddir=${top_builddir:-.}
cc=${CC:-cc}
cflags=$(pkg-config --cflags glib-2.0 libcjson)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 1..1
bad=
for header in $(cd "$top" && find src cmd -name '*.h' ! -path 'src/lab/guest/*' ! -path 'src/hyper/libvirt/*' ! -path 'src/cluster/kube/http/private.h' | LC_ALL=C sort); do
	printf '#include "%s"\nextern int empty;\n' "$top/$header" >"$work/one.c"
	# shellcheck disable=SC2086
	if ! $cc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I"$builddir" -I"$top/src" -I"$builddir/src" $cflags "$work/one.c" 2>"$work/log"; then
		bad="$bad $header"
		sed 's/^/# /' "$work/log"
	fi
done
if [ -z "$bad" ]; then echo 'ok 1 - headers are self-contained'; else echo "not ok 1 - not self-contained:$bad"; fi
