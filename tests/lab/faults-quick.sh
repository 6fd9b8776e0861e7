#!/bin/sh
# The part of faults.sh that takes a minute at most: daemons and a QEMU killed, hosts that cannot be reached.
FAULTS=killed
export FAULTS
exec sh "$(dirname "$0")/faults.sh"
