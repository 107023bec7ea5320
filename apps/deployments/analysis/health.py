"""How an endpoint is, by its revisions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """It answers, but not all its replicas are ready, or its newest revision could not take over."""
    UNHEALTHY = "unhealthy"
    """It should answer and cannot."""
    LOADING = "loading"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a revision."""

    failed: bool
    takes_requests: bool
    """It serves, or is on its way to."""
    weight: int
    replicas: int
    ready_replicas: int
    trouble: str
    """What is wrong with its replicas, or why it failed."""
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    status: Status
    wanted_replicas: int
    """Of the revision that takes the requests; where none does, of the newest that is on its way."""
    ready_replicas: int
    last_error: str = ""
    """Of the newest revision that has one."""
    last_error_at: datetime | None = None
    """When that revision failed; None while it still tries."""


def health_of(revisions: Sequence[Seen]) -> Health:
    """The health of an endpoint.

    Args:
        revisions: those that are active and the newest, newest first.
    """
    serving = next((one for one in revisions if one.weight), None)
    coming = [one for one in revisions if one.takes_requests and not one.weight]
    asked = serving or (coming[0] if coming else None)
    wanted, ready = (asked.replicas, asked.ready_replicas) if asked else (0, 0)
    troubled = next((one for one in revisions if one.trouble), None)
    failed = troubled.since if troubled is not None and troubled.failed else None
    status = _status(revisions, serving, bool(coming), troubled is not None)
    return Health(status, wanted, ready, troubled.trouble if troubled else "", failed)


def _status(revisions: Sequence[Seen], serving: Seen | None, coming: bool, troubled: bool) -> Status:
    if serving is not None:
        if not serving.ready_replicas:
            return Status.UNHEALTHY
        if serving.ready_replicas < serving.replicas or troubled:
            return Status.DEGRADED
        return Status.HEALTHY
    if coming:
        return Status.UNHEALTHY if troubled else Status.LOADING
    if revisions and revisions[0].failed:
        return Status.UNHEALTHY
    return Status.STOPPED
