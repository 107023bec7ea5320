"""The fake cluster of `bench.kubernetes`, in a process of its own: a command a line in, an answer a line out.

`{"do": "latency", "seconds": 0.005}`, `faults` with a `ratio` and a `seed`, `well`, `load` with a `count` of jobs that
run from the start, `jobs` with a `namespace` prefix, `end` with a pod's `namespace` and `job`, `silent`, `count`. The
first line that it prints says how to reach it.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager
from typing import Any, Self

from bench.kubernetes_load import SITE, launches
from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.kinds import JOBS, NAMESPACES, PODS, SECRETS
from tests.support.kubernetes.loading import load
from tests.support.kubernetes.nodes import NodeSpec
from tests.support.kubernetes.routing import Asked
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.backends.jobs import shell
from workers.backends.kubernetes.manifests import handle_data, manifests_of
from workers.contracts.launch import JobHandle, LaunchContext

ATTEMPT = "bedplate.io/attempt"
PODS_OF_A_NODE = 250
HANGS_SECONDS = 1.0


class Weather:
    """Lets requests take their time, and some of them go wrong, in six ways in turn of chance."""

    def __init__(self) -> None:
        self.latency_seconds, self.ratio = 0.0, 0.0
        self.random = random.Random(0)
        self.happened: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, target: Asked) -> Fault | None:
        with self._lock:
            struck = self.ratio and self.random.random() < self.ratio
            kind = self.random.choice(("429", "500", "before", "after", "half", "hang")) if struck else ""
            self.happened[kind or "well"] += 1
        fault = Fault(latency_seconds=self.latency_seconds)
        if kind in ("429", "500"):
            fault.status, fault.retry_after = int(kind), 1 if kind == "429" else None
        elif kind == "hang":
            fault.hang_seconds = HANGS_SECONDS
        elif kind:
            fault.drop = kind
        return fault


class Cluster(AbstractContextManager["Cluster"]):
    """The process, seen from the bench."""

    def __init__(self, nodes: int) -> None:
        command = [sys.executable, "-m", "bench.kubernetes_cluster", str(nodes)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.kubeconfig: str = self._answer()["kubeconfig"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Raises RuntimeError: it has ended."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the cluster ended with status {self._process.wait(10)}")
        found: dict[str, Any] = json.loads(line)
        return found


def act(server: KubernetesServer, weather: Weather, order: dict[str, Any]) -> dict[str, Any]:
    """Do what a line says."""
    match order["do"]:
        case "latency":
            weather.latency_seconds = order["seconds"]
        case "faults":
            weather.ratio, weather.random = order["ratio"], random.Random(order["seed"])
        case "well":
            weather.ratio = 0.0
        case "load":
            return {"handles": running_jobs(server, order["count"])}
        case "jobs":
            return jobs(server, order["namespace"])
        case "end":
            server.exit(server.pod_of(order["job"], 0, order["namespace"]), 0, message=order.get("message", ""))
            return {"at": time.time()}
        case "silent":
            server.faults.silence_watches("jobs")
            server.faults.silence_watches("pods")
        case "count":
            asked = Counter(f"{one.verb} {one.resource}" for one in server.faults.requests)
            return {"requests": len(server.faults.requests), "by": dict(asked), "happened": dict(weather.happened)}
    return {}


def running_jobs(server: KubernetesServer, count: int) -> list[dict[str, Any]]:
    """As many jobs that run already, put into the store without a request; their handles."""
    spec, todo = shell("sleep 1000"), launches(count, "many")
    by_project: dict[str, list[LaunchContext]] = {}
    for launch in todo:
        by_project.setdefault(handle_data(spec, launch, SITE)["namespace"], []).append(launch)
    for namespace, own in by_project.items():
        server.namespace(namespace)
        load(server, len(own), lambda number, own=own: manifests_of(spec, own[number], SITE).main, namespace)  # type: ignore[misc]
    return [JobHandle("kubernetes/bench", handle_data(spec, launch, SITE)).to_json() for launch in todo]


def jobs(server: KubernetesServer, prefix: str) -> dict[str, Any]:
    """Of the namespaces that begin so: each attempt's number of Jobs, Secrets and pods that run."""
    found: dict[str, dict[str, int]] = {}
    for kind, name in ((JOBS, "jobs"), (SECRETS, "secrets"), (PODS, "pods")):
        for namespace in server.all(NAMESPACES):
            if not namespace["metadata"]["name"].startswith(prefix):
                continue
            for one in server.all(kind, namespace["metadata"]["name"]):
                attempt = one["metadata"].get("labels", {}).get(ATTEMPT)
                if attempt and (kind is not PODS or one["status"].get("phase") == "Running"):
                    found.setdefault(attempt, {}).setdefault(name, 0)
                    found[attempt][name] += 1
    return {"attempts": found}


def main() -> None:
    nodes = [
        NodeSpec(f"n{number}", cpu="1000", memory="4000Gi", pods=str(PODS_OF_A_NODE))
        for number in range(int(sys.argv[1]))
    ]
    weather = Weather()
    with KubernetesServer(nodes) as server:
        server.faults.take = weather.take  # type: ignore[method-assign]
        print(json.dumps({"kubeconfig": server.kubeconfig()}), flush=True)
        for line in sys.stdin:
            print(json.dumps(act(server, weather, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
