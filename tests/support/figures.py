"""Figures as gateways and replicas send them, for tests of what is kept and shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from apps.deployments.models import EndpointSecond, Revision
from apps.deployments.services.figures import Counted
from apps.deployments.states import SeenBy
from workers.contracts.latencies import bucket_of, pack

SOURCE = UUID("5d7c4c9e-6f0e-4b39-9a52-0d9b2a1f3c11")


def packed(*seconds: float) -> bytes:
    """Latencies of one request each."""
    counts: dict[int, int] = {}
    for one in seconds:
        counts[bucket_of(one)] = counts.get(bucket_of(one), 0) + 1
    return pack(counts.items())


def counted(
    revision: Revision, number: int, *seconds: float, caller: int = 0, server: int = 0, **changes: Any
) -> Counted:
    """One second of a revision with requests that took so long."""
    given: dict[str, Any] = {
        "place": "seconds[0].figures[0]",
        "number": number,
        "endpoint_id": revision.endpoint_id,
        "revision_id": revision.pk,
        "requests": len(seconds),
        "caller_errors": caller,
        "server_errors": server,
        "latencies": packed(*seconds),
        **changes,
    }
    return Counted(**given)


def second(of: Revision, at: datetime, *seconds: float, seen_by: str = SeenBy.GATEWAY, **more: Any) -> Any:
    """A stored second."""
    given: dict[str, Any] = {
        "endpoint": of.endpoint,
        "revision": of,
        "seen_by": seen_by,
        "at": at,
        "requests": len(seconds),
        "caller_errors": 0,
        "server_errors": 0,
        "latencies": packed(*seconds),
        "source": uuid4(),
        "number": int(at.timestamp()),
        **more,
    }
    return EndpointSecond.objects.create(**given)
