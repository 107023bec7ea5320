"""What every backend promises, of the Kubernetes backend, with pods whose containers really run: what prepares them,
the wrapper, Secrets as files, probes, signals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.kubernetes.server import KubernetesServer
from tests.support.waiting import until
from tests.workers.backends.conformance import (
    TestLogs,
    TestObserve,
    TestServing,
    TestStop,
    TestSubmit,
    TestSweep,
)
from tests.workers.backends.jobs import SERVER, server, shell
from tests.workers.kubernetes.harness import NAME, NODES, SITE, KubernetesHarness
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import Observation
from workers.contracts.specs import JobSpec, ServingSpec

__all__ = ["TestLogs", "TestObserve", "TestServing", "TestStop", "TestSubmit", "TestSweep"]


STURDY = SERVER.replace("peer.recv(4096).split()[1]", "(peer.recv(4096).split() + [b'', b''])[1]")
"""The probe for liveness connects and says nothing."""


class ProcessHarness(KubernetesHarness):
    """Jobs are shell scripts, as those of the local backend are."""

    def __init__(self, cluster: KubernetesServer, folder: Path) -> None:
        self._folder = folder
        super().__init__(cluster)

    def _backend(self) -> KubernetesBackend:
        return KubernetesBackend(NAME, self.connection(), replace(SITE, api_url=""))

    def _marker(self, launch: LaunchContext) -> Path:
        return self._folder / f"started-{launch.attempt_id}"

    def _script(self, launch: LaunchContext, script: str) -> JobSpec:
        return shell(f"echo started >> {self._marker(launch)}; {script}")

    def ending(self, launch: LaunchContext, exit_code: int) -> JobSpec:
        return self._script(launch, f"""echo '{{"answer": 42}}' > $BEDPLATE_RESULT_FILE; exit {exit_code}""")

    def running(self, launch: LaunchContext) -> JobSpec:
        return self._script(launch, "exec sleep 1000")

    def stubborn(self, launch: LaunchContext) -> JobSpec:
        return shell(f"trap '' TERM; echo started >> {self._marker(launch)}; exec sleep 1000")

    def printing(self, launch: LaunchContext, text: str) -> JobSpec:
        return self._script(launch, f"printf '{text}'; exec sleep 1000")

    def serving(self, launch: LaunchContext) -> ServingSpec:
        # None of a real cluster is ready in the second in which it was made: by that second replicas are ordered.
        return server(f"import time; time.sleep(1.1)\n{STURDY}")

    def run(self, handle: JobHandle) -> Observation:
        """Until the wrapper listens: a SIGTERM to process 1 of a container that does not yet listen is lost."""
        marker = self._folder / f"started-{handle.data['attempt_id']}"
        until(marker.exists)
        return super().run(handle)

    def starts(self, launch: LaunchContext) -> int:
        marker = self._marker(launch)
        return marker.read_text().count("started") if marker.exists() else 0


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[ProcessHarness]:
    with KubernetesServer(NODES, processes=True) as cluster:
        made = ProcessHarness(cluster, tmp_path)
        yield made
        made.close()
