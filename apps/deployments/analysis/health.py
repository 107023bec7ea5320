"""How an endpoint is, by its revisions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.deployments.states import TAKING_REQUESTS, HealthStatus, RevisionState


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a revision."""

    state: str
    weight: int
    replicas: int
    ready_replicas: int
    trouble: str
    """What is wrong with its replicas, or why it failed."""
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    status: HealthStatus
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
    coming = [one for one in revisions if one.state in TAKING_REQUESTS and not one.weight]
    asked = serving or (coming[0] if coming else None)
    wanted, ready = (asked.replicas, asked.ready_replicas) if asked else (0, 0)
    troubled = next((one for one in revisions if one.trouble), None)
    failed = troubled.since if troubled is not None and troubled.state == RevisionState.FAILED else None
    status = _status(revisions, serving, bool(coming), troubled is not None)
    return Health(status, wanted, ready, troubled.trouble if troubled else "", failed)


def _status(revisions: Sequence[Seen], serving: Seen | None, coming: bool, troubled: bool) -> HealthStatus:
    if serving is not None:
        if not serving.ready_replicas:
            return HealthStatus.UNHEALTHY
        if serving.ready_replicas < serving.replicas or troubled:
            return HealthStatus.DEGRADED
        return HealthStatus.HEALTHY
    if coming:
        return HealthStatus.UNHEALTHY if troubled else HealthStatus.LOADING
    if revisions and revisions[0].state == RevisionState.FAILED:
        return HealthStatus.UNHEALTHY
    return HealthStatus.STOPPED
