"""A backend without processes, whose jobs behave as a test says: slow, never, failing, vanishing, refusing.

    backend = FakeBackend(plan={workload_id: Script.slow(3), other_id: Script.failing("out_of_memory", 137)})
    backend = FakeBackend(plan=lambda spec, launch: Script.vanishing() if launch.attempt_number == 1 else Script())
    backend = FakeBackend(Script.refusing(2))

A plan gives each job its `Script`: one for all, by attempt or workload id, or by a function of the spec and the
launch. Nothing happens by the clock: a job moves one step each time it is observed. `backend.calls` counts the
verbs, `backend.launches` holds the launch of every job that was really started, `backend.graces` the seconds of every
stop, in order. What a test wants to happen at one moment it says by `finish`, `vanish`, and `fail_next`.

Jobs live in a `FakeCluster`. A second backend over the same cluster is the same backend after a restart.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workers.backends.base import (
    LOG_SLICE_BYTES,
    SWEEP_AGE_SECONDS,
    Backend,
    BackendUnavailable,
    DeviceFault,
    DiscoversNodes,
    LaunchRefused,
    LogSlice,
    MeasuresUse,
    MemberUse,
    NodeFacts,
    ReportsFaults,
    Unsupported,
)
from workers.backends.fake_script import FakeJob, Plan, Script, job_as_seen
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation, Phase
from workers.contracts.specs import Spec

__all__ = ["FakeBackend", "FakeCluster", "Script"]


@dataclass(slots=True)
class FakeCluster:
    """What outlives a backend: the jobs by attempt id."""

    jobs: dict[str, FakeJob] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    lock: threading.RLock = field(default_factory=threading.RLock)


class FakeBackend(Backend, DiscoversNodes, ReportsFaults, MeasuresUse):
    """See the module. Safe to use from several threads."""

    name = "fake"

    def __init__(
        self, plan: Plan | None = None, *, cluster: FakeCluster | None = None, nodes: Sequence[NodeFacts] = ()
    ) -> None:
        self.plan: Plan = Script() if plan is None else plan
        self.cluster = FakeCluster() if cluster is None else cluster
        self.nodes = list(nodes) or [NodeFacts("fake-0", cpu_millis=16_000, memory_bytes=64 << 30, simulated=True)]
        self.broken: list[DeviceFault] = []
        """What its devices report until a test mends them."""
        self.used: list[MemberUse] = []
        """How members use their GPUs, as seen from outside."""
        self.calls: Counter[str] = Counter()
        self.launches: list[LaunchContext] = []
        self.graces: list[float] = []
        self._failures: Counter[str] = Counter()

    # The verbs --------------------------------------------------------------------------------------------------

    def handle_for(self, spec: Spec, launch: LaunchContext) -> JobHandle:
        if not launch.attempt_id:
            raise LaunchRefused("An attempt without an id cannot name a job.")
        return JobHandle(backend=self.name, data={"attempt_id": launch.attempt_id})

    def submit(self, spec: Spec, launch: LaunchContext) -> JobHandle:
        handle = self.handle_for(spec, launch)
        with self.cluster.lock:
            self._called("submit")
            if launch.attempt_id in self.cluster.jobs:
                return handle
            script = self._script(spec, launch)
            if script.refused:
                raise LaunchRefused(script.refused)
            if self.cluster.refusals[launch.attempt_id] < script.refusals:
                self.cluster.refusals[launch.attempt_id] += 1
                raise BackendUnavailable("The fake backend is away.")
            self.cluster.jobs[launch.attempt_id] = FakeJob(script, spec, launch.count)
            self.launches.append(launch)
        return handle

    def observe(self, handles: Sequence[JobHandle]) -> list[Observation]:
        with self.cluster.lock:
            self._called("observe")
            return [self._observe(handle) for handle in handles]

    def resize(self, handle: JobHandle, count: int) -> None:
        with self.cluster.lock:
            self._called("resize")
            job = self._job(handle)
            if job and job.spec and (not job.serving or count < 0):
                raise Unsupported(f"A job of kind {job.spec.kind} cannot have {count} members from now on.")
            if job:
                job.count = count

    def stop(self, handle: JobHandle, grace_seconds: float) -> None:
        with self.cluster.lock:
            self._called("stop")
            self.graces.append(grace_seconds)
            job = self._job(handle)
            if job is None:
                job = self.cluster.jobs[handle.data["attempt_id"]] = FakeJob(Script(), None, 0)
            job.stop_ordered = True
            if grace_seconds <= 0:
                job.seen_stopping = max(job.seen_stopping, job.script.stopping)

    def logs(
        self, handle: JobHandle, after: int = 0, *, member: int = 0, limit_bytes: int = LOG_SLICE_BYTES
    ) -> LogSlice:
        with self.cluster.lock:
            self._called("logs")
            job = self._job(handle)
            data = job.script.output[after : after + limit_bytes] if job and job.spec and member < job.count else b""
            return LogSlice(data, after + len(data))

    def sweep(self, known_attempt_ids: Collection[str], *, older_than_seconds: float = SWEEP_AGE_SECONDS) -> list[str]:
        with self.cluster.lock:
            self._called("sweep")
            oldest = time.monotonic() - older_than_seconds
            orphans = [key for key, job in self.cluster.jobs.items() if job.made_at <= oldest]
            removed = [key for key in orphans if key not in known_attempt_ids]
            for key in removed:
                del self.cluster.jobs[key]
            return removed

    def discover(self) -> list[NodeFacts]:
        self._called("discover")
        return list(self.nodes)

    def faults(self) -> list[DeviceFault]:
        self._called("faults")
        return list(self.broken)

    def use(self) -> list[MemberUse]:
        self._called("use")
        return list(self.used)

    # What a test says -------------------------------------------------------------------------------------------

    def finish(
        self, attempt_id: str, *, exit_code: int = 0, reason: str = "", report: Mapping[str, Any] | None = None
    ) -> None:
        """The job ends now: completed, or failed when there is an exit code or a reason."""
        failed = bool(exit_code or reason)
        default = "exit_nonzero" if failed else "completed"
        end = Phase.FAILED if failed else Phase.SUCCEEDED
        self._end(attempt_id, end=end, exit_code=exit_code, reason=reason or default, report=report)

    def lose(self, attempt_id: str) -> None:
        """The job is lost now, as when its node dies."""
        self._end(attempt_id, end=Phase.LOST, exit_code=137, reason="lost")

    def vanish(self, attempt_id: str) -> None:
        """Somebody removes the job now, and every trace of it."""
        self._end(attempt_id, end=Phase.NOT_FOUND, reason="")

    def fail_next(self, verb: str, times: int = 1) -> None:
        """The next calls of `submit`, `observe`, … raise `BackendUnavailable`."""
        self._failures[verb] += times

    # Inside -----------------------------------------------------------------------------------------------------

    def _called(self, verb: str) -> None:
        self.calls[verb] += 1
        if self._failures[verb] > 0:
            self._failures[verb] -= 1
            raise BackendUnavailable(f"The fake backend is away for {verb}.")

    def _script(self, spec: Spec, launch: LaunchContext) -> Script:
        if isinstance(self.plan, Script):
            return self.plan
        if isinstance(self.plan, Mapping):
            return self.plan.get(launch.attempt_id) or self.plan.get(launch.workload_id) or Script()
        return self.plan(spec, launch)

    def _job(self, handle: JobHandle) -> FakeJob | None:
        if handle.backend != self.name:
            raise Unsupported(f"This is a job of the backend {handle.backend!r}, not of {self.name!r}.")
        return self.cluster.jobs.get(handle.data["attempt_id"])

    def _end(self, attempt_id: str, **changes: Any) -> None:
        with self.cluster.lock:
            job = self.cluster.jobs[attempt_id]
            job.script = replace(job.script, pulling=0, pending=0, running=0, **changes)

    def _observe(self, handle: JobHandle) -> Observation:
        job = self._job(handle)
        if job is None or job.spec is None:
            return Observation(Phase.NOT_FOUND)
        seen = job_as_seen(job)
        if seen.phase not in ENDED:
            job.seen_stopping += job.stop_ordered
            job.seen += 1
        return seen
