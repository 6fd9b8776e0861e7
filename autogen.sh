#!/bin/sh
# Makes ./configure from configure.ac. Needed only in a checkout from git: a release tarball ships it.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux m4
exec autoreconf --force --install --warnings=all,no-obsolete
