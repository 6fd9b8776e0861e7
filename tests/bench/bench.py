#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of kvmig against virsh, in one run, the two alternating.

    bench.py start-up KVMIG             CPU time of a start, minimum of 20, as a ratio to `virsh --version`; what misses its
                                        bound is measured four times more before that counts
    bench.py migrate KVMIG [--pairs N]  an idle 256 MiB guest between two lab nodes: total time, and the downtime
                                        that the guest's heartbeat sees, with the interval of the paired difference

Each ends with status 1 where a figure misses its bound.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time


def cpu_seconds(argv, env):
    """User + system time of one run of argv."""
    with open(os.devnull, "r+b") as null:
        pid = os.posix_spawnp(argv[0], argv, env,
                              file_actions=[(os.POSIX_SPAWN_DUP2, null.fileno(), fd) for fd in (0, 1, 2)])
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"bench: {argv} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def start_up(args):
    """(what, argv, bound) against the peer, alternating so that noise hits both."""
    with tempfile.TemporaryDirectory() as home:
        env = dict(os.environ, HOME=home, XDG_STATE_HOME=home + "/state", XDG_CACHE_HOME=home + "/cache",
                   KVMIG_CONTEXT="local")
        kvmig = args.kvmig
        subprocess.run([kvmig, "node", "add", "n1", "--uri", f"qemu+unix:///system?socket={home}/none"], env=env,
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cases = [("kvmig version", [kvmig, "version"], 0.65), ("kvmig -h", [kvmig, "-h"], 0.65),
                 ("completion of a subcommand", [kvmig, "__complete", "--", "node="], 0.65),
                 ("a command on the local store", [kvmig, "config", "view"], 0.8)]
        # Commands and options are in the shell's script; what asks kvmig are names. An empty answer would cost nothing.
        if subprocess.run(cases[2][1], env=env, check=True, stdout=subprocess.PIPE).stdout != b"n1\n":
            sys.exit("bench: the completion does not name the node")
        peer = ["virsh", "--version"]
        best = {name: float("inf") for name, _, _ in cases}
        best_peer, runs, missed = float("inf"), 0, True
        while missed and runs < 5 * args.runs:
            for _ in range(args.runs):
                best_peer = min(best_peer, cpu_seconds(peer, env))
                for name, argv, _ in cases:
                    best[name] = min(best[name], cpu_seconds(argv, env))
            runs += args.runs
            missed = any(best[name] > bound * best_peer for name, _, bound in cases)
    print(f"virsh --version: {best_peer * 1000:.2f} ms CPU (minimum of {runs})")
    for name, _, bound in cases:
        print(f"{name}: {best[name] * 1000:.2f} ms, ratio {best[name] / best_peer:.2f} (at most {bound})")
    return missed


class Heartbeat(threading.Thread):
    """Follows a growing heartbeat file and remembers the longest silence."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.longest, self.stopping = path, 0.0, False
        self.start()

    def run(self):
        size, last = os.stat(self.path).st_size, time.monotonic()
        while not self.stopping:
            time.sleep(0.001)
            now, grown = time.monotonic(), os.stat(self.path).st_size
            if grown != size:
                self.longest, size, last = max(self.longest, now - last), grown, now

    def stop(self):
        time.sleep(0.05)
        self.stopping = True
        self.join()
        if self.longest == 0.0:
            sys.exit(f"bench: the guest does not beat in {self.path}")
        return self.longest


def interval(differences):
    """Mean and its 95 % interval (normal; 20 pairs and more)."""
    mean = statistics.fmean(differences)
    half = 1.96 * statistics.stdev(differences) / len(differences) ** 0.5
    return mean, mean - half, mean + half


def migrate(args):
    with tempfile.TemporaryDirectory(prefix="kvmig-bench-") as home:
        env = dict(os.environ, HOME=home, XDG_STATE_HOME=home + "/state", XDG_RUNTIME_DIR=home + "/run",
                   KVMIG_CONTEXT="lab")
        os.mkdir(home + "/run", 0o700)

        def kvmig(*words):
            return subprocess.run([args.kvmig, *words], env=env, check=True, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout

        kvmig("lab", "up", "--nodes", "2", "--vms", "1", "--memory", "256Mi")
        try:
            return measure(args, env, kvmig)
        finally:
            kvmig("lab", "down")


def measure(args, env, kvmig):
    import json
    lab = json.loads(kvmig("lab", "status", "-o", "json"))
    nodes = {node["name"]: node for node in lab["nodes"]}
    beat_file = lab["vms"][0]["heartbeatFile"]
    uuid = lab["vms"][0]["domainName"]

    def where():
        return json.loads(kvmig("lab", "status", "-o", "json"))["vms"][0]["node"]

    def by_kvmig(_source, target):
        return [args.kvmig, "migrate", "vm1", "--node", target, "--wait"]

    def by_virsh(source, target):
        there = nodes[target]
        address = there["migrationAddress"]
        uri = f"tcp://{address}" if not address.startswith("unix:") else \
            f"unix://{address[5:]}/bench-{time.monotonic_ns()}"
        extra = [] if uri.startswith("unix:") else ["--listen-address", address]
        return ["virsh", "-q", "-c", nodes[source]["uri"], "migrate", "--live", "--p2p", "--persistent",
                "--undefinesource", uuid, there["peerURI"], "--migrateuri", uri, *extra]

    totals, gaps = {"kvmig": [], "virsh": []}, {"kvmig": [], "virsh": []}
    for turn in range(-1, args.pairs):
        for name, command in (("virsh", by_virsh), ("kvmig", by_kvmig)):
            source = where()
            target = next(n for n in nodes if n != source)
            beat = Heartbeat(beat_file)
            began = time.monotonic()
            subprocess.run(command(source, target), env=env, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            total = time.monotonic() - began
            gap = beat.stop()
            if turn >= 0:  # the first pair warms up
                totals[name].append(total)
                gaps[name].append(gap)
    missed = False
    median = {name: statistics.median(values) for name, values in totals.items()}
    bound = median["virsh"] * 1.05 + 0.05
    missed |= median["kvmig"] > bound
    print(f"total, median of {args.pairs}: virsh {median['virsh'] * 1000:.0f} ms, kvmig "
          f"{median['kvmig'] * 1000:.0f} ms, ratio {median['kvmig'] / median['virsh']:.2f} "
          f"(bound {bound * 1000:.0f} ms)")
    mean, low, high = interval([k - v for k, v in zip(gaps["kvmig"], gaps["virsh"])])
    missed |= low > 0.010
    print(f"downtime by heartbeat, median: virsh {statistics.median(gaps['virsh']) * 1000:.1f} ms, kvmig "
          f"{statistics.median(gaps['kvmig']) * 1000:.1f} ms; difference {mean * 1000:+.1f} ms, 95 % interval "
          f"{low * 1000:+.1f} … {high * 1000:+.1f} ms (not above +10 ms)")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["start-up", "migrate"])
    parser.add_argument("kvmig")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=20)
    args = parser.parse_args()
    args.kvmig = os.path.abspath(args.kvmig)
    missed = start_up(args) if args.what == "start-up" else migrate(args)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
