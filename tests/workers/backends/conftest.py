"""The backends that the conformance suite runs against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kubernetes.server import KubernetesServer
from tests.workers.backends.conformance import Harness
from tests.workers.backends.jobs import server, shell
from tests.workers.kubernetes.harness import NODES, KubernetesHarness
from workers.backends.base import Backend
from workers.backends.fake import FakeBackend, FakeCluster, Script
from workers.backends.local.backend import LocalBackend
from workers.contracts.launch import LaunchContext
from workers.contracts.observation import Phase
from workers.contracts.specs import JobSpec, ServingSpec


class FakeHarness(Harness):
    def __init__(self) -> None:
        self._plan: dict[str, Script] = {}
        self._cluster = FakeCluster()
        self._started: list[str] = []
        self.backend = FakeBackend(self._plan, cluster=self._cluster)
        self._backends = [self.backend]

    def restarted(self) -> Backend:
        self._backends.append(FakeBackend(self._plan, cluster=self._cluster))
        return self._backends[-1]

    def _job(self, launch: LaunchContext, script: Script) -> JobSpec:
        self._plan[launch.attempt_id] = script
        return shell("true")

    def ending(self, launch: LaunchContext, exit_code: int) -> JobSpec:
        report = {"exit_code": exit_code, "reason": "", "result": {"answer": 42}}
        end = (Phase.FAILED, "exit_nonzero") if exit_code else (Phase.SUCCEEDED, "completed")
        return self._job(
            launch, Script(pending=1, running=2, end=end[0], reason=end[1], exit_code=exit_code, report=report)
        )

    def running(self, launch: LaunchContext) -> JobSpec:
        return self._job(launch, Script())

    def stubborn(self, launch: LaunchContext) -> JobSpec:
        return self._job(launch, Script.stubborn(5))

    def printing(self, launch: LaunchContext, text: str) -> JobSpec:
        return self._job(launch, Script(output=text.encode()))

    def serving(self, launch: LaunchContext) -> ServingSpec:
        self._plan[launch.attempt_id] = Script.slow(2)
        return server()

    def starts(self, launch: LaunchContext) -> int:
        return sum(each.attempt_id == launch.attempt_id for backend in self._backends for each in backend.launches)


class LocalHarness(Harness):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.backend: LocalBackend = LocalBackend(folder / "home")

    def restarted(self) -> Backend:
        return LocalBackend(self._folder / "home")

    def _marker(self, launch: LaunchContext) -> Path:
        return self._folder / f"started-{launch.attempt_id}"

    def _job(self, launch: LaunchContext, script: str) -> JobSpec:
        return shell(f"echo started >> {self._marker(launch)}; {script}")

    def ending(self, launch: LaunchContext, exit_code: int) -> JobSpec:
        return self._job(launch, f"""echo '{{"answer": 42}}' > $BEDPLATE_RESULT_FILE; exit {exit_code}""")

    def running(self, launch: LaunchContext) -> JobSpec:
        return self._job(launch, "exec sleep 1000")

    def stubborn(self, launch: LaunchContext) -> JobSpec:
        return shell(f"trap '' TERM; echo started >> {self._marker(launch)}; exec sleep 1000")

    def printing(self, launch: LaunchContext, text: str) -> JobSpec:
        return self._job(launch, f"printf '{text}'; exec sleep 1000")

    def serving(self, launch: LaunchContext) -> ServingSpec:
        return server()

    def starts(self, launch: LaunchContext) -> int:
        marker = self._marker(launch)
        return marker.read_text().count("started") if marker.exists() else 0


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalBackend]:
    """A local backend of a fresh home; nothing of it survives the test."""
    local = LocalBackend(tmp_path / "home")
    yield local
    local.stop_everything(0)


@pytest.fixture(params=["fake", "local", "kubernetes"])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    if request.param == "fake":
        yield FakeHarness()
        return
    if request.param == "kubernetes":
        with KubernetesServer(NODES) as cluster:
            kubernetes = KubernetesHarness(cluster)
            yield kubernetes
            kubernetes.close()
        return
    local = LocalHarness(tmp_path)
    yield local
    local.backend.stop_everything(0)
