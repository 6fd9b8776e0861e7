#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a command costs against its peer: both run in turn, each as often, now the one first and now the other.

    measure.py SPEND [--runs N] [--wall R] [--cpu R] [--memory R] [--max-kib N] [--lines N] COMMAND… [-- PEER…]

SPEND is tests/kube/spend. Compares minima of wall and CPU time, which is what is left where the machine has other things
to do, and medians of peak memory. Ends with status 1 where the command's is more than R times the peer's, its peak
memory ever over N KiB, or one of the two printed another number of lines than N. What is missed is measured four times
more, as many runs each, before it counts. Prints one line, and the command's peak memory in KiB as its last word.
"""
import argparse
import statistics
import subprocess
import sys
import tempfile

COLUMNS = (("wall", min, "s"), ("cpu", min, "s"), ("memory", statistics.median, "KiB"))
ROUNDS = 5


def run(args, argv):
    """(wall seconds, CPU seconds, peak KiB) of one run."""
    with tempfile.NamedTemporaryFile() as output:
        done = subprocess.run([args.spend, output.name, *argv], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"measure: {argv} ended with {done.returncode}")
        if args.lines is not None and (lines := sum(1 for _ in output)) != args.lines:
            sys.exit(f"measure: {argv} printed {lines} lines, not {args.lines}")
    return [float(word) for word in done.stdout.split()]


def run_pair(args, commands, turn):
    """The figures of each, in the order of the commands, which is every other time not that of the runs."""
    order = range(len(commands))
    done = {index: run(args, commands[index]) for index in (order if turn % 2 else reversed(order))}
    return [done[index] for index in order]


def judge(args, pairs):
    """The figures, in words, and what is missed."""
    figures, missed = [], []
    for index, (name, summary, unit) in enumerate(COLUMNS):
        own, *others = (summary(runs[index] for runs in side) for side in zip(*pairs))
        if not others:
            figures.append(f"{name} {own:.4g} {unit}")
            continue
        other, bound = others[0], getattr(args, name)
        ratio = own / other
        figures.append(f"{name} {own:.4g} {unit} against {other:.4g}, ratio {ratio:.3f}")
        if bound is not None and ratio > bound:
            missed.append(f"{name}: {ratio:.3f} is more than {bound}")
    peak = max(pair[0][2] for pair in pairs)
    if args.max_kib is not None and peak > args.max_kib:
        missed.append(f"peak memory: {peak:.0f} KiB is more than {args.max_kib}")
    return "; ".join(figures) + f"; peak {peak:.0f}", missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("spend")
    parser.add_argument("--runs", type=int, default=5)
    for name, _, _ in COLUMNS:
        parser.add_argument("--" + name, type=float)
    parser.add_argument("--max-kib", type=int)
    parser.add_argument("--lines", type=int)
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    args, command = parser.parse_known_args(words[:at])
    commands = [command, words[at + 1:]] if words[at + 1:] else [command]
    pairs, line, missed = [], "", ["not measured yet"]
    for _ in range(ROUNDS):
        for _ in range(args.runs):
            pairs.append(run_pair(args, commands, len(pairs)))
        line, missed = judge(args, pairs)
        if not missed:
            break
    print(line)
    for miss in missed:
        print("measure: missed: " + miss, file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
