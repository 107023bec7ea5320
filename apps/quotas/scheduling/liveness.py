"""How long something has been in the phase in which it is, and when that is too long. Pure: plain values in and out.

Silence counts only while a job's words could have reached us: from the last word, or from when the API began to be
reachable without interruption, whichever is later. So an outage of our own, of any length, ends nobody's job.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workers.contracts.sentences import say

QUEUED: Final = "queued"
LAUNCHING: Final = "launching"
PULLING: Final = "pulling"
RUNNING: Final = "running"
SILENT: Final = "silent"
STOPPING: Final = "stopping"
PHASES: Final = (QUEUED, LAUNCHING, PULLING, RUNNING, SILENT, STOPPING)

_PENDING, _ADMITTED, _LAUNCHING, _RUNNING, _STOPPING = "pending", "admitted", "launching", "running", "stopping"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that each phase may last; 0: for ever."""

    queued: int = 0
    launching: int = 300
    """The spec's start time-out, if it has one."""
    pulling: int = 1800
    running: int = 0
    """The spec's time limit, which the backend holds the job to."""
    overtime: int = 60
    """What the backend is given beyond that before we end it ourselves."""
    quiet: int = 60
    """Silence that is worth saying."""
    silent: int = 900


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a workload; database time."""

    state: str
    state_at: datetime
    not_before: datetime | None = None
    pulling: bool = False
    """Its backend fetches an image for it."""
    pulled_at: datetime | None = None
    """When it was last seen to have fetched one."""
    started_at: datetime | None = None
    """When this attempt began to run."""
    heard_at: datetime | None = None
    """Last word of the member that was heard of the longest ago; None: none has ever said one."""
    reachable_since: datetime | None = None
    """Since when the API answers without interruption; None: it does not answer now, as far as we know."""
    attended: bool = False
    """Its backend sees it well: a replica that answers its health checks is not ended for its silence."""
    said: str = ""
    """What its backend says of members that run: that it hears nothing of their nodes."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """The phase, since when, and when it ends by itself (None: never) for which cause: a phase whose limit it is."""

    phase: str
    since: datetime
    limit_at: datetime | None = None
    cause: str = ""
    said: str = ""
    """Of a silence, what its backend says of it."""

    def overdue(self, now: datetime) -> bool:
        return self.limit_at is not None and now >= self.limit_at


def liveness_of(signs: Signs, limits: Limits, now: datetime) -> Liveness | None:
    """The phase of what is not over yet; None for what is."""
    if signs.state == _PENDING:
        began = max(signs.state_at, signs.not_before or signs.state_at)
        return _limited(QUEUED, signs.state_at, began, limits.queued)
    if signs.state == _ADMITTED:
        return Liveness(LAUNCHING, signs.state_at)
    if signs.state == _LAUNCHING:
        if signs.pulling:
            return _limited(PULLING, signs.state_at, signs.state_at, limits.pulling)
        began = max(signs.state_at, signs.pulled_at or signs.state_at)
        return _limited(LAUNCHING, signs.state_at, began, limits.launching)
    if signs.state == _RUNNING:
        return _running(signs, limits, now)
    return Liveness(STOPPING, signs.state_at) if signs.state == _STOPPING else None


def _limited(phase: str, since: datetime, began: datetime, seconds: int) -> Liveness:
    return Liveness(phase, since, began + timedelta(seconds=seconds), phase) if seconds else Liveness(phase, since)


def _running(signs: Signs, limits: Limits, now: datetime) -> Liveness:
    started = signs.started_at or signs.state_at
    heard = max(signs.heard_at or started, started)
    phase, since = RUNNING, started
    limit_at, cause = None, ""
    if limits.running:
        limit_at, cause = started + timedelta(seconds=limits.running + limits.overtime), RUNNING
    if signs.reachable_since is not None:
        counted = max(heard, signs.reachable_since)
        if now - counted >= timedelta(seconds=min(limits.quiet, limits.silent or limits.quiet)):
            phase, since = SILENT, heard
            lost_at = counted + timedelta(seconds=limits.silent)
            if limits.silent and not signs.attended and (limit_at is None or lost_at < limit_at):
                limit_at, cause = lost_at, SILENT
    return Liveness(phase, since, limit_at, cause, signs.said if phase == SILENT else "")


def sentence(found: Liveness | None) -> str:
    """What people are told of something that is silent; nothing of what is well."""
    if found is None or found.phase != SILENT:
        return ""
    said = say("silent", since=moment(found.since))
    if found.cause == SILENT and found.limit_at is not None:
        said += " " + say("silent_until", at=moment(found.limit_at))
    return f"{said} {found.said}".strip()


def moment(at: datetime) -> str:
    """`2026-05-05 12:00:00 UTC`."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
