"""How soon the database has what happened on a cluster, of a whole installation, with its watcher and without."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import httpx

from bench import figures
from bench.control_plane import post, prepare
from bench.kubernetes_cluster import Cluster
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until

CLUSTER = "lab"
IMAGE = "registry.example.com/bedplate-runtime:1.0"
RESOURCES = {"cpu_millis": 100, "memory_bytes": 128 << 20, "gpus": 0}
REPORT = json.dumps({"exit_code": 0, "reason": "", "result": None})
GAP_SECONDS = 0.1
"""Between two ends."""
WAIT_SECONDS = 180
ATTEMPTS = """
import json
from apps.quotas.models import Attempt
rows = Attempt.objects.filter(handle__backend="kubernetes/lab", workload__state="running").select_related("workload")
print(json.dumps([[str(row.pk), str(row.workload_id), row.handle["data"]["namespace"]] for row in rows]))
"""
STEPS = """
import json
from apps.common.models import Transition
rows = Transition.objects.filter(noun="workload", from_state="running")
print(json.dumps({str(row.object_id): [row.at.timestamp(), row.to_state, row.reason, row.detail] for row in rows}))
"""


def event_to_state(bench: str, count: int, latency_seconds: float) -> None:
    """Print `event_to_state_p95_seconds` twice: with watches, and where watches say nothing."""
    with Cluster(nodes=4) as cluster, running_stack() as stack, stack.client() as client:
        cluster.ask("latency", seconds=latency_seconds)
        start = _starter(stack, client, cluster)
        for watches in (True, False):
            start(count)
            if not watches:
                cluster.ask("silent")
            seconds = _ended(stack, cluster)
            p95, p50 = (figures.percentile(seconds, percent) for percent in (95, 50))
            more: dict[str, Any] = {
                "watches": watches,
                "jobs": len(seconds),
                "p50": round(p50, 3),
                "most": round(max(seconds), 3),
            }
            figures.say(bench, "event_to_state_p95_seconds", p95, "s", **more)


def _starter(stack: Stack, client: httpx.Client, cluster: Cluster) -> Any:
    """A function that lets so many runs run on the cluster, and returns when the database has them running."""
    project, version = prepare(client)
    kubeconfig = stack.home / "cluster.yaml"
    kubeconfig.write_text(cluster.kubeconfig)
    stack.manage("cluster", "add", CLUSTER, "--kubeconfig", str(kubeconfig), "--runtime-image", IMAGE)
    with stack.client("admin") as admin:
        post(admin, "/queues", {"project": project, "pool": CLUSTER})
    until(lambda: _watched(cluster), timeout_seconds=WAIT_SECONDS, what="the watches of the watcher")
    experiment = post(client, "/experiments", {"project": project, "name": "events"})["id"]
    body = {"experiment": experiment, "script": "pass", "dataset_version": version, "resources": RESOURCES}

    def start(count: int) -> None:
        for _ in range(count):
            post(client, "/runs", body | {"name": f"event-{uuid.uuid4()}", "pool": CLUSTER})
        until(lambda: len(_running(stack)) == count, timeout_seconds=WAIT_SECONDS, what=f"{count} running runs")

    return start


def _watched(cluster: Cluster) -> bool:
    return "watch pods" in cluster.ask("count")["by"]


def _running(stack: Stack) -> list[list[str]]:
    found: list[list[str]] = json.loads(stack.manage("shell", "-v", "0", "-c", ATTEMPTS))
    return found


def _ended(stack: Stack, cluster: Cluster) -> list[float]:
    """End all that runs, one after the other; seconds from the end of each to its step in the database."""
    ended: dict[str, float] = {}
    for attempt, workload, namespace in _running(stack):
        job = f"bp-{attempt.replace('-', '')}"
        ended[workload] = cluster.ask("end", namespace=namespace, job=job, message=REPORT)["at"]
        next_at = time.monotonic() + GAP_SECONDS
        until(lambda at=next_at: time.monotonic() >= at, timeout_seconds=10)  # type: ignore[misc]
    until(lambda: not _running(stack), timeout_seconds=WAIT_SECONDS, what="the end of all in the database")
    steps = json.loads(stack.manage("shell", "-v", "0", "-c", STEPS))
    wrong = [steps[workload] for workload in ended if steps[workload][1] != "succeeded"]
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(ended)} did not succeed: {wrong[0]}")
    return [steps[workload][0] - at for workload, at in ended.items()]
