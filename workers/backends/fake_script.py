"""How the jobs of the fake backend behave, and what is seen of them step by step. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.contracts.launch import LaunchContext
from workers.contracts.observation import MemberObservation, Observation, Phase
from workers.contracts.specs import ServingSpec, Spec

FOREVER = 1 << 62
FIRST_PORT = 40_000


@dataclass(frozen=True, slots=True)
class Script:
    """How one job behaves. The default starts at once and runs until it is stopped or told to `finish`."""

    pulling: int = 0
    """Observations in which it is PULLING, before all others (not for a server)."""
    pending: int = 0
    """Observations in which it is PENDING (a replica: not ready) before it runs."""
    running: int = FOREVER
    """Observations in which it is RUNNING before it ends."""
    stopping: int = 0
    """Observations in which it is STOPPING before a stop has done its work."""
    end: Phase = Phase.SUCCEEDED
    """What is seen after `running`: SUCCEEDED, FAILED, LOST, or NOT_FOUND when it vanishes without a trace."""
    exit_code: int = 0
    reason: str = "completed"
    stopped_exit_code: int = 143
    refusals: int = 0
    """Submits that raise `BackendUnavailable` before one is taken."""
    refused: str = ""
    """Why every submit raises `LaunchRefused`; empty: none does."""
    output: bytes = b""
    report: Mapping[str, Any] | None = None

    @classmethod
    def succeeding(cls, running: int = 1, report: Mapping[str, Any] | None = None) -> Script:
        """Completes after some observations."""
        return cls(running=running, report=report)

    @classmethod
    def slow(cls, pending: int) -> Script:
        """Is pending for some observations, then runs until stopped."""
        return cls(pending=pending)

    @classmethod
    def never(cls) -> Script:
        """Never starts to run."""
        return cls(pending=FOREVER)

    @classmethod
    def failing(cls, reason: str = "exit_nonzero", exit_code: int = 1, running: int = 1) -> Script:
        """Fails for the reason after some observations."""
        return cls(running=running, end=Phase.FAILED, exit_code=exit_code, reason=reason)

    @classmethod
    def losing(cls, running: int = 1) -> Script:
        """Its node dies after some observations."""
        return cls(running=running, end=Phase.LOST, exit_code=137, reason="lost")

    @classmethod
    def vanishing(cls, running: int = 1) -> Script:
        """Is gone without a trace after some observations."""
        return cls(running=running, end=Phase.NOT_FOUND, reason="")

    @classmethod
    def refusing(cls, times: int) -> Script:
        """The backend is away for the first submits."""
        return cls(refusals=times)

    @classmethod
    def stubborn(cls, stopping: int) -> Script:
        """Takes its time to stop, and is killed in the end."""
        return cls(stopping=stopping, stopped_exit_code=137)


Plan = Script | Mapping[str, Script] | Callable[[Spec, LaunchContext], Script]


@dataclass(slots=True)
class FakeJob:
    """One attempt in the cluster."""

    script: Script
    spec: Spec | None
    """None: it was stopped before anybody submitted it."""
    count: int
    made_at: float = field(default_factory=time.monotonic)
    stop_ordered: bool = False
    seen_stopping: int = 0
    seen: int = 0

    @property
    def serving(self) -> bool:
        return isinstance(self.spec, ServingSpec)


def job_as_seen(job: FakeJob) -> Observation:
    """What the job looks like at its present step. Pure."""
    script = job.script
    before = script.pulling + script.pending
    if job.seen >= before + script.running:
        return _ended(job, script.end, script.exit_code, script.reason)
    if job.stop_ordered and job.seen_stopping >= script.stopping:
        return _ended(job, *_stopped(job))
    if job.stop_ordered:
        return Observation(Phase.STOPPING, members=_members(job, Phase.STOPPING))
    ready = job.seen >= before
    if job.serving:
        return Observation(Phase.RUNNING, members=_members(job, Phase.RUNNING, ready=ready))
    phase = Phase.RUNNING if ready else Phase.PULLING if job.seen < script.pulling else Phase.PENDING
    return Observation(phase, members=_members(job, phase))


def _stopped(job: FakeJob) -> tuple[Phase, int, str]:
    code = job.script.stopped_exit_code
    if job.serving or not code:
        return Phase.SUCCEEDED, code, "completed"
    return Phase.FAILED, code, "exit_nonzero"


def _ended(job: FakeJob, phase: Phase, exit_code: int, reason: str) -> Observation:
    if phase is Phase.NOT_FOUND:
        return Observation(phase)
    report = dict(job.script.report) if job.script.report is not None else None
    return Observation(phase, reason, members=_members(job, phase, exit_code=exit_code, reason=reason), report=report)


def _members(
    job: FakeJob, phase: Phase, *, ready: bool = False, exit_code: int | None = None, reason: str = ""
) -> tuple[MemberObservation, ...]:
    return tuple(
        MemberObservation(
            index=index,
            phase=phase,
            ready=ready and job.serving,
            address=f"127.0.0.1:{FIRST_PORT + index}" if job.serving else "",
            exit_code=exit_code,
            reason=reason,
        )
        for index in range(job.count)
    )
