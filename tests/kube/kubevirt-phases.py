#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for KubeVirt's controllers in the bed, which has none: takes each migration through the phases by writing
its status and that of its VM. It proves nothing about KubeVirt; it lets kvmig see what KubeVirt would write.

    kubevirt-phases.py SERVER CA CERT SECONDS TARGET

SERVER is host:port, CERT the begin of two file names, SECONDS the time in each phase, TARGET the node that VMs go to.
Annotations of the VM say what becomes of its migration: phases.test/stop: PHASE leaves it there; phases.test/fail: WORDS
fails it in Running with these words; phases.test/postcopy: "true" shows that mode in Running. As KubeVirt does, a migration
that is deleted fails and goes away: at once before the hand-off, from PreparingTarget on not before it runs. It gets
its finalizer with its first phase."""

import http.client
import json
import ssl
import sys
import time

ORDER = ["Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Succeeded"]
FINALIZER = "kubevirt.io/migrationJobFinalize"
API = "/apis/kubevirt.io/v1"


class Server:
    def __init__(self, address, ca, cert):
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(cert + ".crt", cert + ".key")
        self.make = lambda: http.client.HTTPSConnection(address, context=context, timeout=20)
        self.connection = self.make()

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/merge-patch+json"} if body is not None else {}
        try:
            self.connection.request(method, API + path, json.dumps(body) if body is not None else None, headers)
            reply = self.connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException):
            self.connection = self.make()
            return None
        return json.loads(text) if reply.status in (200, 201) else None


def stamp():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def next_phase(migration, orders):
    phase = migration.get("status", {}).get("phase", "")
    if phase in ("Succeeded", "Failed"):
        return "gone" if phase == "Failed" and "deletionTimestamp" in migration["metadata"] else None
    if "deletionTimestamp" in migration["metadata"] and phase not in ("PreparingTarget", "TargetReady"):
        return "Failed"
    if phase == orders.get("phases.test/stop"):
        return None
    if phase == "Running" and "phases.test/fail" in orders:
        return "Failed"
    return ORDER[ORDER.index(phase) + 1] if phase in ORDER else ORDER[0]


def state_of(migration, vmi, phase, orders, target):
    old = vmi.get("status", {}).get("migrationState", {})
    mine = old if old.get("migrationUid") == migration["metadata"]["uid"] else {}
    state = {
        "migrationUid": migration["metadata"]["uid"], "targetNode": target,
        "sourceNode": mine.get("sourceNode") or vmi.get("status", {}).get("nodeName", "n1"),
        "targetPod": "virt-launcher-" + migration["metadata"]["name"],
        "mode": "PostCopy" if phase == "Running" and orders.get("phases.test/postcopy") else "PreCopy",
        "migrationPolicyName": "gold",
        "migrationConfiguration": {
            "bandwidthPerMigration": "64Mi", "completionTimeoutPerGiB": 150, "progressTimeout": 150,
            "allowPostCopy": False, "allowWorkloadDisruption": False, "allowAutoConverge": False,
            "disableTLS": False},
    }
    if phase == "Running" or "startTimestamp" in mine:
        state["startTimestamp"] = mine.get("startTimestamp", stamp())
    if phase in ("Succeeded", "Failed"):
        state.update(completed=True, endTimestamp=stamp())
    if phase == "Failed":
        state["failed"] = True
        if "deletionTimestamp" in migration["metadata"]:
            state.update(abortRequested=True, abortStatus="Succeeded", failureReason="Live migration has been aborted")
        else:
            state["failureReason"] = orders.get("phases.test/fail", "")
    return state


def move(server, migration, vmi, target):
    metadata = migration["metadata"]
    path = f"/namespaces/{metadata['namespace']}/virtualmachineinstancemigrations/{metadata['name']}"
    orders = vmi["metadata"].get("annotations", {})
    phase = next_phase(migration, orders)
    before = migration.get("status", {}).get("phase", "")
    if phase is None:
        return
    if phase == "gone":
        server.ask("PATCH", path, {"metadata": {"finalizers": None}})
        return
    stamps = migration.get("status", {}).get("phaseTransitionTimestamps", [])
    status = {"phase": phase,
              "phaseTransitionTimestamps": stamps + [{"phase": phase, "phaseTransitionTimestamp": stamp()}]}
    if phase == "Pending":
        server.ask("PATCH", path, {"metadata": {"finalizers": [FINALIZER]}})
    handed_over = phase in ORDER[3:] or before in ORDER[3:]
    if handed_over:
        change = {"migrationState": state_of(migration, vmi, phase, orders, target)}
        if phase == "Succeeded":
            change["nodeName"] = target
        server.ask("PATCH", f"/namespaces/{metadata['namespace']}/virtualmachineinstances/{vmi['metadata']['name']}",
                   {"status": change})
    if phase == "Failed" and "deletionTimestamp" in metadata:
        status["conditions"] = [{"type": "migrationAbortRequested", "status": "True"}]
    server.ask("PATCH", path + "/status", {"status": status})
    if handed_over and phase in ("Succeeded", "Failed"):  # KubeVirt's next look at it: what became of it
        server.ask("PATCH", path + "/status", {"status": {"migrationState": change["migrationState"]}})


def remove(server, migration):
    """That of a VM that is gone."""
    metadata = migration["metadata"]
    path = f"/namespaces/{metadata['namespace']}/virtualmachineinstancemigrations/{metadata['name']}"
    server.ask("PATCH", path, {"metadata": {"finalizers": None}})
    server.ask("DELETE", path)


def main():
    address, ca, cert, pause, target = sys.argv[1:]
    server = Server(address, ca, cert)
    while True:
        # In this order: each migration's VM, which was there before it, is in the second list or gone.
        migrations = server.ask("GET", "/virtualmachineinstancemigrations")
        vmis = server.ask("GET", "/virtualmachineinstances")
        known = migrations is not None and vmis is not None  # else no VM would be there, and all migrations be removed
        by_name = {(v["metadata"]["namespace"], v["metadata"]["name"]): v for v in vmis["items"]} if known else {}
        for migration in migrations["items"] if known else []:
            key = migration["metadata"]["namespace"], migration["spec"]["vmiName"]
            if key in by_name:
                move(server, migration, by_name[key], target)
            elif "deletionTimestamp" not in migration["metadata"]:
                remove(server, migration)
        time.sleep(float(pause))


main()
