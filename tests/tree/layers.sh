#!/bin/sh
# Dependencies point one way (HACKING.md, "The map"): reads every #include "folder/…" under src/ and cmd/ and
# fails where a folder includes one that does not stand before it.
set -eu
top=${top_srcdir:-$(dirname "$0")/../..}

# folder: the folders that it may include, itself aside
rules='
base:
model: base
cli: base model
output: base model
settings: base model
policy: base model settings
rbac: base model
schedule: base model settings
predict: base model settings
cluster: base model settings schedule
hyper: base model/wellknown.h
inventory: base model cli settings schedule cluster hyper
config: base model settings schedule cluster hyper
history: base model settings cluster
check: base model settings schedule cluster hyper
engine: base model settings policy schedule cluster hyper inventory history config check
lab: base model settings policy schedule cluster hyper inventory history engine
cmd: *
'

echo 1..4
cd "$top"

allowed() { # from-folder included-path
	may=$(printf '%s\n' "$rules" | sed -n "s|^$1:||p")
	[ "$may" = ' *' ] && return 0
	for word in $1 $may; do
		case $2 in "$word"/* | "$word") return 0 ;; esac
	done
	return 1
}

bad=$(for file in $(find src cmd -name '*.[ch]' | LC_ALL=C sort); do
	folder=$(echo "$file" | sed 's|^src/||; s|/.*||')
	sed -n 's|^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*/[^"]*\)".*|\1|p' "$file" | while read -r path; do
		allowed "$folder" "$path" || echo "# $file must not include $path"
	done
done)
if [ -z "$bad" ]; then echo 'ok 1 - includes point one way'; else printf '%s\n' "$bad"; echo 'not ok 1 - includes point one way'; fi

# The engine knows hyper.h, never libvirt; only the driver module includes libvirt's headers.
bad=$(grep -rln '#[[:space:]]*include[[:space:]]*<libvirt/' src cmd | grep -v '^src/hyper/libvirt/' || :)
if [ -z "$bad" ]; then echo 'ok 2 - only the driver module includes libvirt'; else echo "# $bad"; echo 'not ok 2 - only the driver module includes libvirt'; fi

# Nor does anything but the HTTP module know libcurl and OpenSSL: linked into the program they cost every start.
bad=$(grep -rlnE '#[[:space:]]*include[[:space:]]*<(curl|openssl)/' src cmd | grep -v '^src/cluster/kube/http/' || :)
if [ -z "$bad" ]; then echo 'ok 3 - only the HTTP module includes libcurl and OpenSSL'; else echo "# $bad"; echo 'not ok 3 - only the HTTP module includes libcurl and OpenSSL'; fi

# Every source folder has a rule, so that a new one cannot slip past this script.
bad=$(for folder in src/*/; do
	name=$(basename "$folder")
	printf '%s\n' "$rules" | grep -q "^$name:" || echo "# no rule for $folder"
done)
if [ -z "$bad" ]; then echo 'ok 4 - every folder has a rule'; else printf '%s\n' "$bad"; echo 'not ok 4 - every folder has a rule'; fi
