"""Figures of endpoints, as a chart wants them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, Now

from apps.common import clock
from apps.common.errors import Invalid
from apps.deployments.analysis.figures import Frame, Row, frame_of, series
from apps.deployments.models import Endpoint, EndpointMinute, EndpointSecond, Revision
from apps.deployments.states import SeenBy

FINE_SECONDS = 3600
"""How far back there are figures per second."""
MINUTES_DAYS = 31
"""How long figures per minute are kept."""
SETTLING_SECONDS = 2
"""Until what is over has arrived."""
RECENT_SECONDS = 10
"""What a list shows is the mean over so many."""

_COLUMNS = "endpoint_id, revision_id, seen_by, at, requests, caller_errors, server_errors, latencies"
_SERIES = f"""
SELECT f.seen_by, f.revision_id::text, r.number, extract(epoch FROM date_bin(%s, f.at, 'epoch'))::bigint AS start,
    sum(f.requests)::bigint, sum(f.caller_errors)::bigint, sum(f.server_errors)::bigint, string_agg(f.latencies, '')
FROM (
    SELECT {_COLUMNS} FROM {EndpointSecond._meta.db_table} WHERE endpoint_id = %s AND at >= %s AND at < %s
    UNION ALL
    SELECT {_COLUMNS} FROM {EndpointMinute._meta.db_table} WHERE endpoint_id = %s AND at >= %s AND at < %s
) f LEFT JOIN {Revision._meta.db_table} r ON r.id = f.revision_id
GROUP BY f.seen_by, f.revision_id, r.number, date_bin(%s, f.at, 'epoch')
"""  # noqa: S608 - names of our own tables and columns
_SECOND = f"""
SELECT f.endpoint_id, f.seen_by, f.revision_id::text, r.number, sum(f.requests)::bigint,
    sum(f.caller_errors)::bigint, sum(f.server_errors)::bigint, string_agg(f.latencies, '')
FROM {EndpointSecond._meta.db_table} f LEFT JOIN {Revision._meta.db_table} r ON r.id = f.revision_id
WHERE f.endpoint_id = ANY(%s) AND f.at = %s AND f.seen_by = %s
GROUP BY f.endpoint_id, f.seen_by, f.revision_id, r.number ORDER BY f.endpoint_id
"""  # noqa: S608


def endpoint_figures(
    endpoint: Endpoint, *, since: datetime | None, until: datetime | None, step: int
) -> dict[str, Any]:
    """Rates and percentiles of an endpoint in whole steps, as the gateways and as the replicas saw it. Two queries.

    Args:
        since: an hour before `until` by default.
        until: by default, and at most, when all figures have arrived.
        step: seconds; longer where that would be too many points, whole minutes where seconds are not kept any more.

    Raises:
        Invalid: `since` is not before `until`, or from a time of which nothing is kept.
    """
    now = clock.db_now()
    settled = now.replace(microsecond=0) - timedelta(seconds=SETTLING_SECONDS)
    newest = min(until or now, now)
    until = min(until or settled, settled)
    since = since or until - timedelta(seconds=FINE_SECONDS)
    if since < now - timedelta(days=MINUTES_DAYS, hours=1):
        raise Invalid("since: too long ago", fields={"since": [f"figures are kept for {MINUTES_DAYS} days"]})
    # Who goes on from the end of the answer before, and is early, is told that there is nothing yet.
    if since >= newest:
        raise Invalid("since: not before until", fields={"since": ["must be before `until`, and in the past"]})
    fine_since = (now - timedelta(seconds=FINE_SECONDS + SETTLING_SECONDS + 1)).timestamp()
    frame = frame_of(since.timestamp(), until.timestamp(), step, fine_since=fine_since)
    rows = _rows(endpoint.pk, frame)
    return {
        "endpoint": str(endpoint.pk),
        "since": _moment(frame.first),
        "until": _moment(frame.end),
        "step_seconds": frame.step,
        "times": frame.times,
        **{seen_by: series(frame, (row for row in rows if row.seen_by == seen_by)) for seen_by in SeenBy.values},
    }


def told_figures(endpoint_ids: Iterable[UUID], at: datetime) -> dict[UUID, dict[str, Any]]:
    """Per endpoint its figures of one second as the gateways saw it, for whoever follows it live. One query.

    Each has `at` (unix seconds), the figures in total, and `revisions`. Those without a row are left out.
    """
    frame = Frame(int(at.timestamp()), 1, 1)
    with connection.cursor() as cursor:
        cursor.execute(_SECOND, [list(endpoint_ids), at, SeenBy.GATEWAY])
        rows = cursor.fetchall()
    return {
        endpoint_id: _told(frame, [Row._make([*row[1:4], frame.first, *row[4:]]) for row in group])
        for endpoint_id, group in groupby(rows, key=itemgetter(0))
    }


def silence(at: datetime) -> dict[str, Any]:
    """The figures of a second without a request."""
    return _told(Frame(int(at.timestamp()), 1, 1), [])


def with_recent_requests(endpoints: Any) -> Any:
    """The endpoints with `recent_requests`, as the gateways saw them in the last ten seconds. No further query."""
    until = Now() - timedelta(seconds=SETTLING_SECONDS)  # the database's: the clock of a web process may be wrong
    recent = (
        EndpointSecond.objects.filter(
            endpoint=OuterRef("pk"),
            seen_by=SeenBy.GATEWAY,
            at__gte=until - timedelta(seconds=RECENT_SECONDS),
            at__lt=until,
        )
        .values("endpoint")
        .annotate(made=Sum("requests"))
        .values("made")
    )
    return endpoints.annotate(recent_requests=Coalesce(Subquery(recent), 0))


def _rows(endpoint_id: UUID, frame: Frame) -> Sequence[Row]:
    if not frame.count:
        return []
    step: Any = timedelta(seconds=frame.step)
    part: list[Any] = [endpoint_id, _moment(frame.first), _moment(frame.end)]
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, [step, *part, *part, step])
        return [Row._make(row) for row in cursor.fetchall()]


def _told(frame: Frame, rows: Sequence[Row]) -> dict[str, Any]:
    found = series(frame, rows)
    revisions = [_first(one) for one in found["revisions"]]
    return {"at": frame.first, **_first(found["total"]), "revisions": revisions}


def _first(columns: dict[str, Any]) -> dict[str, Any]:
    """The only value of each list."""
    return {
        name: _first(value) if isinstance(value, dict) else value[0] if isinstance(value, list) else value
        for name, value in columns.items()
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
