"""What `verify_cluster.py` tries on a cluster, step by step, by the backend that jobs will be run with."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from cluster_programs import GREETING, HELLO, MEETING, SERVER, WAITING

from workers.backends.base import BackendError
from workers.backends.kubernetes import names
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.check import check_cluster
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import NAMESPACES, RESOURCE_QUOTAS
from workers.backends.kubernetes.site import ClusterSite, Fence, Tenant
from workers.backends.kubernetes.tenancy import tenant_manifests
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation, Phase
from workers.contracts.specs import JobSpec, Resources, ServingSpec, Spec

LOOK_SECONDS: Final = 0.5
SMALL: Final = Resources(cpu_millis=100, memory_bytes=128 << 20)
NOWHERE: Final = "registry.invalid/bedplate/nothing:none"
PLENTY: Final = 50


class Skipped(Exception):
    """A step that this account cannot try, and Bedplate does not need to."""


class Failed(Exception):
    """A step did not come out as it should; the message is for people."""


@dataclass(slots=True)
class Trial:
    """One verification: its own namespace, and what was started in it."""

    backend: KubernetesBackend
    api: Api
    site: ClusterSite
    image: str
    timeout_seconds: float
    tenant: Tenant = field(default_factory=lambda: Tenant("check", "check", uuid.uuid4().hex[:8]))
    handles: list[JobHandle] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return names.namespace_of(self.tenant, self.site)

    def start(self, spec: Spec, count: int = 1) -> JobHandle:
        labels = {name: getattr(self.tenant, name) for name in ("organisation", "team", "project")}
        ids = {name: str(uuid.uuid4()) for name in ("workload_id", "attempt_id")}
        launch = LaunchContext(**ids, attempt_number=1, count=count, api_url="", token="none", labels=labels)  # noqa: S106
        self.handles.append(self.backend.handle_for(spec, launch))
        return self.backend.submit(spec, launch)

    def job(self, script: str, **changes: Any) -> JobSpec:
        command = ("python", "-I", "-S", "-u", "-c", script)
        return JobSpec(command=command, resources=SMALL, **{"image": self.image, **changes})

    def server(self, revision: str) -> ServingSpec:
        command = ("python", "-I", "-S", "-c", SERVER)
        return ServingSpec(command=command, resources=SMALL, image=self.image, environment={"REVISION": revision})

    def see(self, handle: JobHandle, what: str, fits: Callable[[Observation], bool]) -> Observation:
        """Look until it is as it should be. Raises Failed: not in time, or ended as something else."""
        deadline = time.monotonic() + self.timeout_seconds
        while True:
            seen = self.backend.observe([handle])[0]
            if fits(seen):
                return seen
            said = f"{seen.phase}, {seen.reason or 'no reason'}{': ' if seen.detail else ''}{seen.detail}"
            if seen.phase in ENDED and seen.phase is not Phase.NOT_FOUND:
                raise Failed(f"expected {what}; it is {said}")
            if time.monotonic() > deadline:
                raise Failed(f"expected {what} within {self.timeout_seconds:.0f} s; it is {said}")
            time.sleep(LOOK_SECONDS)

    def end(self, handle: JobHandle) -> None:
        """Stop it and wait until nothing of it is alive."""
        self.backend.stop(handle, 1)
        deadline = time.monotonic() + self.timeout_seconds
        while self.backend.observe([handle])[0].phase not in ENDED:
            if time.monotonic() > deadline:
                raise Failed("it was told to stop and is still alive")
            time.sleep(LOOK_SECONDS)

    def output(self, handle: JobHandle, expected: str, member: int = 0) -> str:
        """What a member has printed, once the text is in it."""
        deadline = time.monotonic() + self.timeout_seconds
        while True:
            text = self.backend.logs(handle, member=member).data.decode(errors="replace")
            if expected in text:
                return text
            if time.monotonic() > deadline:
                raise Failed(f"expected {expected!r} in the output of member {member}; it is {text[-200:]!r}")
            time.sleep(LOOK_SECONDS)


def succeeded(seen: Observation) -> bool:
    return seen.phase is Phase.SUCCEEDED


def serves(count: int) -> Callable[[Observation], bool]:
    return lambda seen: len(seen.members) == count and all(member.ready for member in seen.members)


def short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:99]}…"


def connection(trial: Trial) -> str:
    found = check_cluster(trial.backend.connection, trial.site)
    wrong = [
        problem.sentence for problem in found.problems if problem.code != "missing_permission" and problem.blocking
    ]
    if wrong:
        raise Failed(" ".join(wrong))
    return f"Kubernetes {found.version}"


def permissions(trial: Trial) -> str:
    found = check_cluster(trial.backend.connection, trial.site)
    missing = [problem.sentence for problem in found.problems if problem.code == "missing_permission"]
    if missing:
        raise Failed(" ".join(missing))
    return "all that the role of the chart has"


def machines(trial: Trial) -> str:
    nodes = [node for node in trial.backend.discover() if node.ready]
    if not nodes:
        raise Failed("no machine takes jobs")
    gpus = sum(len(node.gpus) for node in nodes)
    return f"{len(nodes)} ready, {sum(node.cpu_millis for node in nodes) // 1000} cores, {gpus} GPUs free"


def one_job(trial: Trial) -> str:
    handle = trial.start(trial.job(HELLO))
    seen = trial.see(handle, "a job that succeeds", succeeded)
    if [member.exit_code for member in seen.members] != [0]:
        raise Failed(f"expected exit status 0; seen {seen.members}")
    return "ran, and ended with 0"


def logs(trial: Trial) -> str:
    handle = trial.start(trial.job(HELLO))
    text = trial.output(handle, GREETING.format(rank=0, size=1))
    trial.see(handle, "a job that succeeds", succeeded)
    return f"{len(text)} characters, also after the end"


def gang(trial: Trial) -> str:
    handle = trial.start(trial.job(MEETING), count=2)
    trial.see(handle, "two members that meet and succeed", succeeded)
    for rank in range(2):
        trial.output(handle, f"Member {rank} has met the other.", member=rank)
    return "two members have met by name"


def failure(trial: Trial) -> str:
    handle = trial.start(trial.job("raise SystemExit(7)"))
    seen = trial.see(handle, "a failure", lambda seen: seen.phase is Phase.FAILED)
    if (seen.reason, [member.exit_code for member in seen.members]) != ("exit_nonzero", [7]):
        raise Failed(f"expected exit status 7; seen {seen.reason}, {seen.members}")
    return "exit status 7 was seen"


def stop(trial: Trial) -> str:
    handle = trial.start(trial.job(WAITING))
    trial.output(handle, "Waiting.")
    trial.backend.stop(handle, 10)
    started = time.monotonic()
    seen = trial.see(handle, "an end", lambda seen: seen.phase in ENDED)
    exits = [member.exit_code for member in seen.members]
    if exits and exits[0] not in (0, None):
        raise Failed(f"its program leaves with 0 on SIGTERM; seen {exits[0]}")
    heard = "SIGTERM was heard" if exits == [0] else "its last words were not seen"
    return f"{heard}, ended after {time.monotonic() - started:.0f} s"


def image_error(trial: Trial) -> str:
    handle = trial.start(trial.job(HELLO, image=NOWHERE))
    seen = trial.see(handle, "an error of its image", lambda seen: seen.reason == "image_pull")
    trial.end(handle)
    return short(seen.detail)


def quota_refusal(trial: Trial) -> str:
    """Under a quota that lets no pod in, a job waits and says why."""
    try:
        quota(trial, 0)
    except Refusal as refusal:
        if not refusal.forbidden:
            raise
        raise Skipped("this account may not make a ResourceQuota to try it with") from refusal
    try:
        handle = trial.start(trial.job(HELLO))
        seen = trial.see(handle, "a job that waits for quota", lambda seen: seen.reason == "waiting_for_quota")
        trial.end(handle)
    finally:
        quota(trial, PLENTY)
    return short(seen.detail)


def quota(trial: Trial, pods: int) -> None:
    manifests = tenant_manifests(trial.tenant, trial.site, fence=Fence(pods=pods))
    (wanted,) = [each for each in manifests if each["kind"] == "ResourceQuota"]
    trial.api.apply(RESOURCE_QUOTAS, wanted, names.MANAGER)


def serving(trial: Trial) -> str:
    """A second revision comes up beside the first, which goes when it is ready: nobody is without an answer."""
    first = trial.start(trial.server("1"), count=2)
    trial.see(first, "two ready replicas", serves(2))
    second = trial.start(trial.server("2"), count=2)
    trial.see(second, "two ready replicas of a second revision", serves(2))
    if not serves(2)(trial.backend.observe([first])[0]):
        raise Failed("the first revision was not ready any more when the second was")
    trial.end(first)
    if not serves(2)(trial.backend.observe([second])[0]):
        raise Failed("the second revision did not outlive the first")
    trial.backend.resize(second, 1)
    trial.see(second, "one replica", serves(1))
    trial.end(second)
    return "two revisions side by side, then one replica, then none"


def cleanup(trial: Trial) -> str:
    """Stop and remove what was started, then the namespace. Raises Failed: something is left, and what."""
    deadline = time.monotonic() + trial.timeout_seconds
    for handle, seen in observed(trial):
        if seen.phase not in ENDED:
            with suppress(BackendError):
                trial.backend.stop(handle, 0)
    while True:
        trial.backend.sweep([], older_than_seconds=0)
        left = [handle for handle, seen in observed(trial) if seen.phase is not Phase.NOT_FOUND]
        if not left:
            return namespace_remove(trial, deadline)
        if time.monotonic() > deadline:
            raise Failed(f"{len(left)} jobs are left in the namespace {trial.namespace}")
        time.sleep(LOOK_SECONDS)


def observed(trial: Trial) -> list[tuple[JobHandle, Observation]]:
    return list(zip(trial.handles, trial.backend.observe(trial.handles), strict=True))


def namespace_remove(trial: Trial, deadline: float) -> str:
    """Bedplate itself never does this, so an account with its rights only may not."""
    try:
        found = trial.api.find(NAMESPACES, "", trial.namespace)
        if found is None:
            return "nothing was left"
        trial.api.delete(NAMESPACES, "", trial.namespace, uid=found["metadata"]["uid"])
        while trial.api.find(NAMESPACES, "", trial.namespace) is not None:
            if time.monotonic() > deadline:
                raise Failed(f"the namespace {trial.namespace} is still being deleted")
            time.sleep(LOOK_SECONDS)
    except Refusal as refusal:
        if not refusal.forbidden:
            raise
        words = "has no job any more and is left: this account may not delete it"
        raise Failed(f"the namespace {trial.namespace} {words}") from refusal
    return "nothing is left"


STEPS: Final[tuple[tuple[str, Callable[[Trial], str]], ...]] = (
    ("connection", connection),
    ("permissions", permissions),
    ("machines", machines),
    ("one job", one_job),
    ("logs", logs),
    ("gang of two", gang),
    ("failing job", failure),
    ("stop", stop),
    ("image error", image_error),
    ("quota refusal", quota_refusal),
    ("serving, rolling update", serving),
)
NEEDED: Final = {"connection"}
"""Steps without which no other makes sense."""
