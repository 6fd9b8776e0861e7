#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a command costs against its peer: both run in turn, so that noise hits both, output thrown away.

    measure.py [--runs N] [--wall R] [--cpu R] [--memory R] [--max-kib N] COMMAND… -- PEER…

Compares medians of wall time, minima of CPU time and maxima of peak memory; ends with status 1 where the command's is
more than R times the peer's, or its peak memory over N KiB. Prints one line, and the command's peak memory in KiB as
the last word.
"""
import argparse
import os
import statistics
import sys
import time


def run(argv):
    """(wall seconds, CPU seconds, peak KiB) of one run."""
    begin = time.monotonic()
    with open(os.devnull, "r+b") as null:
        pid = os.posix_spawnp(argv[0], argv, os.environ,
                              file_actions=[(os.POSIX_SPAWN_DUP2, null.fileno(), fd) for fd in (0, 1)])
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begin
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"measure: {argv} ended with {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    for name in ("wall", "cpu", "memory"):
        parser.add_argument("--" + name, type=float)
    parser.add_argument("--max-kib", type=int)
    words = sys.argv[1:]
    if "--" not in words:
        parser.error("no peer")
    peer = words[words.index("--") + 1:]
    args, command = parser.parse_known_args(words[:words.index("--")])
    pairs = [(run(command), run(peer)) for _ in range(args.runs)]
    missed = []
    figures = []
    for name, index, summary, unit in (("wall", 0, statistics.median, "s"), ("cpu", 1, min, "s"),
                                       ("memory", 2, max, "KiB")):
        own, other = (summary([pair[side][index] for pair in pairs]) for side in (0, 1))
        ratio, bound = own / other, getattr(args, name)
        figures.append(f"{name} {own:.4g} {unit} against {other:.4g}, ratio {ratio:.3f}")
        if bound is not None and ratio > bound:
            missed.append(f"{name}: {ratio:.3f} is more than {bound}")
    peak = max(pair[0][2] for pair in pairs)
    if args.max_kib is not None and peak > args.max_kib:
        missed.append(f"peak memory: {peak} KiB is more than {args.max_kib}")
    print("; ".join(figures) + f"; peak {peak}")
    for line in missed:
        print("measure: missed: " + line, file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
