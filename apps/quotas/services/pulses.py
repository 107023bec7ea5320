"""Noting that something works, by the database's clock alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from apps.common import clock
from apps.quotas.models import Pulse

API: Final = "api"
GAP = timedelta(seconds=30)
"""Longer between two beats, and nobody knows what was meanwhile: it works from the later one on."""

_BEAT = """
INSERT INTO quotas_pulse AS p (name, since, at) VALUES (%(name)s, clock_timestamp(), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET
    since = CASE
        WHEN p.since IS NULL OR clock_timestamp() - p.at > make_interval(secs => %(gap)s) THEN clock_timestamp()
        ELSE p.since
    END,
    at = clock_timestamp()
"""


def pulse_beat(name: str) -> None:
    """It works now. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, {"name": name, "gap": GAP.total_seconds()})


def pulse_stop(name: str) -> None:
    """It does not work now. One statement."""
    Pulse.objects.filter(name=name).update(since=None)


def works_since(name: str) -> datetime | None:
    """Since when it works without a gap; None: it does not, or nobody has tried for long. One query."""
    pulse = Pulse.objects.filter(name=name).first()
    if pulse is None or pulse.since is None or clock.db_now() - pulse.at > GAP:
        return None
    found: datetime = pulse.since
    return found


def last_worked(name: str) -> datetime | None:
    """When it last worked; None: never. One query."""
    found: datetime | None = Pulse.objects.filter(name=name).values_list("at", flat=True).first()
    return found


def look_of(backend: str) -> str:
    """The pulse of looking at a backend's jobs."""
    return f"look:{backend}"
