#!/bin/sh
# migrate.sh again, as an ordinary user: session daemons and unix sockets instead of namespaces and TCP; without
# what does not depend on that.
MIGRATE_USER=$(id -un)
[ "$(id -u)" -ne 0 ] || MIGRATE_USER=nobody
export MIGRATE_USER
exec sh "$(dirname "$0")/migrate.sh"
