"""One verification of a cluster by `verify_cluster.py`: what is started, looked at, and waited for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cluster_programs import SERVER

from workers.backends.kubernetes import names
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.site import ClusterSite, Tenant
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation, Phase
from workers.contracts.specs import JobSpec, Resources, ServingSpec, Spec

LOOK_SECONDS: Final = 0.5
SMALL: Final = Resources(cpu_millis=100, memory_bytes=128 << 20)
STUCK_SECONDS: Final = 30.0
"""What cannot be fetched, or set up, for so long will not be."""
STUCK: Final = ("image_pull", "launch_error")
HINTS: Final = {
    "image_pull": "Name an image that its nodes can fetch (--image), or give them the credentials of its registry.",
    "no_capacity": "Is a node ready, without a taint, and has it a tenth of a core and 128 MiB left?",
    "waiting_for_quota": "Raise the ResourceQuota of the namespace, or take it away.",
    "pulling": "If the registry is only slow: --timeout.",
}


class Skipped(Exception):
    """A step that cannot be tried here, or need not be; the message says why."""


class Warned(Exception):
    """A step did not come out as it should, and jobs run all the same; the message says what that means."""


class Failed(Exception):
    """A step did not come out as it should; the message is for people."""


@dataclass(slots=True)
class Trial:
    """One verification: its own namespace, and what was started in it."""

    backend: KubernetesBackend
    api: Api
    site: ClusterSite
    tenant: Tenant
    image: str
    timeout_seconds: float
    control_plane: str = ""
    """Its address as pods reach it; empty: that is not tried."""
    handles: list[JobHandle] = field(default_factory=list)
    deadline: float = 0.0
    """Of the step that is tried, by the monotonic clock."""

    def begin(self) -> None:
        """A step begins: all its waits together have so long."""
        self.deadline = time.monotonic() + self.timeout_seconds

    @property
    def namespace(self) -> str:
        return names.namespace_of(self.tenant, self.site)

    def start(self, spec: Spec, count: int = 1) -> JobHandle:
        labels = {name: getattr(self.tenant, name) for name in ("organisation", "team", "project")}
        launch = LaunchContext(str(uuid.uuid4()), str(uuid.uuid4()), 1, count, "", "none", labels=labels)
        self.handles.append(self.backend.handle_for(spec, launch))
        return self.backend.submit(spec, launch)

    def job(self, script: str, *words: str, resources: Resources = SMALL, image: str = "") -> JobSpec:
        command = ("python", "-I", "-S", "-u", "-c", script, *words)
        return JobSpec(command=command, resources=resources, image=image or self.image)

    def server(self, revision: str) -> ServingSpec:
        command = ("python", "-I", "-S", "-c", SERVER)
        return ServingSpec(command=command, resources=SMALL, image=self.image, environment={"REVISION": revision})

    def see(self, handle: JobHandle, what: str, fits: Callable[[Observation], bool]) -> Observation:
        """Look until it is as it should be. Raises Failed: not in time, or never."""
        since = time.monotonic()
        while True:
            seen = self.backend.observe([handle])[0]
            now = time.monotonic()
            if fits(seen):
                return seen
            since = since if seen.phase is Phase.PENDING and seen.reason in STUCK else now
            if (seen.phase in ENDED and seen.phase is not Phase.NOT_FOUND) or now - since > STUCK_SECONDS:
                raise Failed(f"expected {what}; it is {_said(seen)}")
            if now > self.deadline:
                raise Failed(f"expected {what} within {self.timeout_seconds:.0f} s; it is {_said(seen)}")
            time.sleep(LOOK_SECONDS)

    def end(self, handle: JobHandle) -> None:
        """Stop it and wait until nothing of it is alive."""
        self.backend.stop(handle, 1)
        while self.backend.observe([handle])[0].phase not in ENDED:
            if time.monotonic() > self.deadline:
                raise Failed("it was told to stop and is still alive: does its node answer?")
            time.sleep(LOOK_SECONDS)

    def output(self, handle: JobHandle, expected: str, member: int = 0) -> str:
        """What a member has printed, once the text is in it."""
        while True:
            text = self.backend.logs(handle, member=member).data.decode(errors="replace")
            if expected in text:
                return text
            if time.monotonic() > self.deadline:
                seen = _said(self.backend.observe([handle])[0])
                raise Failed(
                    f"expected {expected!r} in the output of member {member}; it is {text[-200:]!r}, the job is {seen}"
                )
            time.sleep(LOOK_SECONDS)


def _said(seen: Observation) -> str:
    """How a job is, why, and what may help."""
    detail = seen.detail or next((member.detail for member in seen.members if member.detail), "")
    words = [f"{seen.phase}, {seen.reason or 'no reason'}{': ' if detail else ''}{detail}"]
    reason = seen.reason or next((member.reason for member in seen.members if member.reason in HINTS), "")
    hint = HINTS.get(reason) or HINTS.get(str(seen.phase))
    return " ".join([*words, *([hint] if hint else [])])


def succeeded(seen: Observation) -> bool:
    return seen.phase is Phase.SUCCEEDED


def serves(count: int) -> Callable[[Observation], bool]:
    return lambda seen: len(seen.members) == count and all(member.ready for member in seen.members)


def short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:159]}…"
