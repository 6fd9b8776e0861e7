#!/bin/sh
# Reason codes (src/base/reason.h) as the sources name them; what is given to users, tests/cli/reason-coverage.sh sees to.
set -eu
top=${top_srcdir:-$(dirname "$0")/../..}
cd "$top"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

report() { # description, what is wrong
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		printf '%s\n' "$2" | sed 's/^/# /'
		echo "not ok $n - $1"
	fi
}

table=src/base/reason.h
# identifier and code; the code may stand on the same line only
sed -n 's/^[[:space:]]*REASON(\([A-Z0-9_]*\), "\(KVMIG-[A-Z0-9-]*\)".*/\1 \2/p' $table | LC_ALL=C sort >"$work/table"

echo 1..3
report 'identifier and code belong together' "$(awk '{ code = $1; gsub("_", "-", code); if ($2 != "KVMIG-" code) print }' "$work/table")"
cut -d ' ' -f 2 "$work/table" >"$work/codes"
# The driver module links nothing of kvmig, and has them as text; elsewhere one that the table lacks does not compile.
grep -rohE '"KVMIG-[A-Z]+-[A-Z0-9-]+"' src/hyper/libvirt --include='*.c' | tr -d '"' | sort -u >"$work/text"
report 'no code is given that the table lacks' "$(grep -vxF -f "$work/codes" "$work/text" || :)"
report 'codes as text only in the driver module' "$(find src cmd -name '*.[ch]' ! -path "$table" ! -path 'src/hyper/libvirt/*' \
	-exec grep -nE '"KVMIG-[A-Z]+-[A-Z]' {} + || :)"
