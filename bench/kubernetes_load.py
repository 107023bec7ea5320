"""Many jobs of several projects for a cluster, submitted as workers do: by threads that repeat what was unavailable."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tests.workers.backends.jobs import make_launch, shell
from workers.backends.base import BackendUnavailable
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.connection import connection_from_kubeconfig
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import JobHandle, LaunchContext

THREADS = 8
BUDGET_PER_SECOND = 100.0
PROJECTS = 20
SITE = ClusterSite(
    installation="0193f000-0000-7000-8000-000000000001",
    cluster="bench",
    runtime_image="registry.example.com/bedplate-runtime:1.0",
    api_url="https://bedplate.example.com",
)


def backend_of(kubeconfig: str, per_second: float = BUDGET_PER_SECOND) -> KubernetesBackend:
    connection = replace(connection_from_kubeconfig(kubeconfig), requests_per_second=per_second)
    return KubernetesBackend("kubernetes/bench", connection, SITE)


def launches(count: int, team: str) -> list[LaunchContext]:
    """Of as many attempts, in some projects of a team."""
    labels = [{"organisation": "bench", "team": team, "project": f"{team}-{number}"} for number in range(PROJECTS)]
    return [
        make_launch(attempt_id=str(uuid.uuid4()), api_url=SITE.api_url, labels=labels[number % PROJECTS])
        for number in range(count)
    ]


def submit_all(backend: KubernetesBackend, todo: list[LaunchContext]) -> tuple[float, list[JobHandle], int]:
    """Seconds, handles, and how often a caller had to call again."""
    again: list[int] = []

    def submit(launch: LaunchContext) -> JobHandle:
        while True:
            try:
                return backend.submit(shell("sleep 1000"), launch)
            except BackendUnavailable:
                again.append(1)

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        handles = list(threads.map(submit, todo))
    return time.monotonic() - began, handles, len(again)
