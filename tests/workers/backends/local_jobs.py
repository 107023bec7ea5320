"""What tests of the local backend look into: a job's folder, its supervisor, its end."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.waiting import until
from workers.backends.local.backend import LocalBackend
from workers.backends.local.fence import Fence
from workers.backends.local.layout import JobFolder, is_locked
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation, Phase
from workers.contracts.specs import Spec


@dataclass
class LocalJob:
    """One submitted job."""

    backend: LocalBackend
    handle: JobHandle
    path: Path

    @property
    def folder(self) -> JobFolder:
        return JobFolder(str(self.path))

    @property
    def attempt_id(self) -> str:
        return self.path.name

    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.path / "state.json").read_text()))

    def supervisor_pid(self) -> int:
        return int(self.state()["supervisor"]["pid"])

    def supervisor(self) -> psutil.Process:
        return psutil.Process(self.supervisor_pid())

    def member_pid(self, index: int = 0) -> int:
        """The wrapper."""
        return int(self.state()["members"][index]["pid"])

    def output(self, member: int = 0) -> str:
        return self.backend.logs(self.handle, member=member).data.decode()

    def prints(self, text: str, member: int = 0) -> None:
        """Wait until it has printed this."""
        until(lambda: text in self.output(member), what=f"{text!r} in the output")

    def seen(self) -> Observation:
        return self.backend.observe([self.handle])[0]

    def end(self) -> Observation:
        until(lambda: self.seen().phase in ENDED, 20, what="the end of the job")
        return self.seen()

    def runs(self) -> Observation:
        until(lambda: self.seen().phase is Phase.RUNNING, what="the job to run")
        return self.seen()

    def supervised(self) -> bool:
        return is_locked(self.folder.lock)


def submit(backend: LocalBackend, home: Path, spec: Spec, launch: LaunchContext) -> LocalJob:
    handle = backend.submit(spec, launch)
    return LocalJob(backend, handle, home / "jobs" / launch.attempt_id)


def groups_can_be_made() -> bool:
    """Whether this process may make control groups."""
    probe = Fence(f"probe-of-{os.getpid()}", 10)
    probe.remove()
    return bool(probe.group)
