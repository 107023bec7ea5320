"""Whether what holds GPUs uses them, and when it is warned and stopped. Pure: plain values in and out.

Times are seconds since the epoch. Only what was measured counts: where samples are missing nobody knows what a member
did, so idleness begins anew after a gap, and ends when the newest sample is too old. A gang is idle while all of its
members are: one that works keeps the others. A device that several workloads share is busy for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

OFF: Final = "off"
WARN: Final = "warn"
STOP: Final = "stop"

Sample = tuple[float, float]
"""When it was taken, and the share of time in which the busiest GPU of the member worked; NaN: not measured."""

SAMPLE_SECONDS: Final = 5.0
"""Between two samples as they come."""
GAP_SECONDS: Final = 90.0
"""Longer between two samples, and nobody knows what was meanwhile."""


@dataclass(frozen=True, slots=True)
class IdlePolicy:
    """What is idle, and what is done about it; the defaults are those of a pool for which nobody said anything."""

    threshold_ratio: float = 0.05
    """A GPU that works less than this share of the time is idle."""
    warn_seconds: int = 1800
    """Idle for so long, its owner is warned."""
    stop_seconds: int = 1800
    """So long after the warning it is stopped."""
    grace_seconds: int = 1800
    """From its start, while no GPU has worked yet: data and models are loaded."""
    action: str = WARN
    kinds: frozenset[str] = frozenset({"job"})
    """Kinds of workload for which it holds."""

    def holds_for(self, kind: str) -> bool:
        return self.action != OFF and kind in self.kinds


@dataclass(frozen=True, slots=True)
class Member:
    """Samples of one member, oldest first; old ones may stand for several and lie further apart."""

    samples: Sequence[Sample]
    every_seconds: float = SAMPLE_SECONDS
    """Between those that lie furthest apart."""

    @property
    def gap_seconds(self) -> float:
        return max(GAP_SECONDS, 3 * self.every_seconds)

    @property
    def blur_seconds(self) -> float:
        """By how much the beginning of idleness may seem later, once the samples around it have become one."""
        return self.gap_seconds if self.every_seconds > SAMPLE_SECONDS else 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What was found and told before."""

    since: float
    warned_at: float


@dataclass(frozen=True, slots=True)
class Idle:
    """It is idle: since when, when its owner is to be warned, and when it is to be stopped (None: never)."""

    since: float
    warn_at: float
    warned_at: float | None
    """When it was warned of this idleness; None: not yet."""
    stop_at: float | None

    def must_warn(self, now: float) -> bool:
        return self.warned_at is None and now >= self.warn_at

    def must_stop(self, now: float) -> bool:
        return self.stop_at is not None and now >= self.stop_at


def idle_of(
    policy: IdlePolicy, members: Sequence[Member], *, now: float, started_at: float, known: Known | None = None
) -> Idle | None:
    """How idle a workload is; None while it works, or nobody can tell.

    Args:
        members: those that run, all of them.
        known: a warning that stands. One of an earlier idleness counts for nothing.
    """
    found = [_idle_since(member, policy.threshold_ratio, now) for member in members]
    streaks = [since for since in found if since is not None]
    if not streaks or len(streaks) < len(found):
        return None
    since = max(streaks)
    if known is not None and known.since < since <= known.since + max(member.blur_seconds for member in members):
        since = known.since
    if not any(_has_worked(member, policy.threshold_ratio) for member in members):
        since = max(since, started_at + policy.grace_seconds)
    if since > now:
        return None
    warned_at = known.warned_at if known is not None and known.warned_at >= since else None
    stops = policy.action == STOP and warned_at is not None
    stop_at = warned_at + policy.stop_seconds if stops and warned_at is not None else None
    return Idle(since, since + policy.warn_seconds, warned_at, stop_at)


def may_be_idle(policy: IdlePolicy, last: Sequence[float]) -> bool:
    """Whether the last samples of all members leave it open: a cheap look before all samples are read."""
    return bool(last) and all(busy < policy.threshold_ratio for busy in last)


def _idle_since(member: Member, threshold: float, now: float) -> float | None:
    """Since when it has been idle in every sample without a gap; None: it is not, or it is not known."""
    since, later = None, now
    for at, busy in reversed(member.samples):
        if later - at > member.gap_seconds or isnan(busy) or busy >= threshold:
            break
        since = later = at
    return since


def _has_worked(member: Member, threshold: float) -> bool:
    return any(busy >= threshold for _, busy in member.samples)
