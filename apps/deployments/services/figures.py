"""Taking in what gateways and replicas counted: each second once, placed by the database's clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.db import connection, transaction

from apps.common import clock
from apps.common.errors import Forbidden, Invalid
from apps.common.events import News, emit_many, subject_of
from apps.deployments.models import Endpoint, EndpointPulse, EndpointSecond, Revision
from apps.deployments.selectors.figures import silence, told_figures
from apps.deployments.states import SeenBy
from apps.quotas.models import Attempt
from apps.quotas.services.reports import rank_check
from workers.contracts.latencies import unpacked

KIND = "endpoint.figures"
AGE_MOST_SECONDS = 3660
"""Older seconds are refused: by then they are being merged into minutes. A sender keeps an hour."""
EARLY_SECONDS = 1.0
"""How far the two readings of a sender's clock in one request may contradict each other."""
BELIEVED_SECONDS = 2.0
"""A sender whose clock is no further off is believed: then a slow request moves nothing."""
FRESH_SECONDS = 10
"""Older seconds are no news."""

_INSERT = f"""
INSERT INTO {EndpointSecond._meta.db_table}
    (endpoint_id, revision_id, seen_by, source, number, at, requests, caller_errors, server_errors, latencies)
SELECT g.endpoint_id, g.revision_id, %s, %s, g.number, to_timestamp(g.number + %s),
    g.requests, g.caller_errors, g.server_errors, g.latencies
FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[])
    AS g(endpoint_id, revision_id, number, requests, caller_errors, server_errors, latencies)
JOIN {Endpoint._meta.db_table} e ON e.id = g.endpoint_id
LEFT JOIN {Revision._meta.db_table} r ON r.id = g.revision_id AND r.endpoint_id = g.endpoint_id
WHERE g.revision_id IS NULL OR r.id IS NOT NULL
ON CONFLICT DO NOTHING
"""  # noqa: S608 - names of our own tables
_BEAT = f"""
INSERT INTO {EndpointPulse._meta.db_table} AS p (endpoint_id, at, requests)
SELECT g.endpoint_id, %s, g.requests FROM unnest(%s::uuid[], %s::bigint[]) AS g(endpoint_id, requests)
WHERE g.requests > 0
    OR EXISTS (SELECT FROM {EndpointPulse._meta.db_table} k WHERE k.endpoint_id = g.endpoint_id AND k.requests > 0)
ORDER BY g.endpoint_id
ON CONFLICT (endpoint_id) DO UPDATE SET at = excluded.at, requests = excluded.requests
    WHERE p.at < excluded.at AND (p.requests > 0 OR excluded.requests > 0)
RETURNING endpoint_id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Counted:
    """What one process counted in one of its seconds for one revision; without a revision no replica got it."""

    place: str
    """Where it stands in the request, for errors: `seconds[3].figures[0]`."""
    number: int
    endpoint_id: UUID
    revision_id: UUID | None
    requests: int
    caller_errors: int
    server_errors: int
    latencies: bytes


@transaction.atomic
def gateway_figures_store(*, source: UUID, sent_at: float, counted: Sequence[Counted]) -> int:
    """Keep what a gateway counted; returns how many rows were new. What it names and we do not know is left out.

    Whoever follows an endpoint is told its newest second that has arrived from all gateways, at most once a second.

    Args:
        source: names the process.
        sent_at: reading of its clock when it sent; only the difference to its seconds counts.

    Raises:
        Invalid: a second is too old or not over yet, or counts contradict each other; the place is named.
    """
    shift = _shift(sent_at, counted)
    made = _insert(SeenBy.GATEWAY, source, shift, counted)
    if counted:
        _tell(counted, shift)
    return made


@transaction.atomic
def replica_figures_store(
    attempt: Attempt, *, rank: int, source: UUID, sent_at: float, counted: Sequence[Counted]
) -> int:
    """Keep what a replica counted, of whatever endpoint `counted` says: it is that of the attempt's revision.

    Raises:
        Forbidden: the attempt is not one of a revision.
        Invalid: as above, or no such member.
    """
    rank_check(attempt, rank)
    found = Revision.objects.filter(workload_id=attempt.workload_id).values_list("endpoint_id", "pk").first()
    if found is None:
        raise Forbidden("Only a replica of an endpoint has such figures.")
    shift = _shift(sent_at, counted)
    # Of this attempt and rank alone: nobody can take numbers that another will use.
    return _insert(SeenBy.REPLICAS, uuid5(attempt.pk, f"{rank} {source}"), shift, counted, found)


def figures_tell_silence() -> int:
    """Tell of endpoints that were busy when they were last told of, and of which nothing came since: their gateway
    died. Returns how many."""
    with transaction.atomic():
        at = clock.db_now()
        quiet = EndpointPulse.objects.filter(requests__gt=0, at__lt=at - timedelta(seconds=FRESH_SECONDS))
        ids = list(quiet.select_for_update(skip_locked=True).values_list("pk", flat=True))
        EndpointPulse.objects.filter(pk__in=ids).update(requests=0)
        moment = at.replace(microsecond=0) - timedelta(seconds=FRESH_SECONDS)
        _emit({endpoint_id: silence(moment) for endpoint_id in ids})
    return len(ids)


def _shift(sent_at: float, counted: Iterable[Counted]) -> int:
    """What to add to the sender's seconds to have the database's. Raises Invalid."""
    for one in counted:
        _check(one, sent_at)
    off = clock.db_now().timestamp() - sent_at
    return 0 if abs(off) <= BELIEVED_SECONDS else round(off)


def _check(one: Counted, sent_at: float) -> None:
    age = sent_at - (one.number + 1)
    if not -EARLY_SECONDS <= age <= AGE_MOST_SECONDS:
        said = "is not over yet" if age < 0 else f"is {math.floor(age)} s old; at most {AGE_MOST_SECONDS} s are taken"
        raise Invalid(f"{one.place}: the second {said}", fields={one.place: [f"the second {said}"]})
    try:
        timed = sum(unpacked(one.latencies).values())
    except ValueError as error:
        raise Invalid(f"{one.place}: {error}", fields={one.place: [str(error)]}) from error
    if timed != one.requests or one.caller_errors + one.server_errors > one.requests:
        said = f"{one.requests} requests, {timed} times, {one.caller_errors + one.server_errors} errors"
        raise Invalid(f"{one.place}: {said}", fields={one.place: [f"{said} contradict each other"]})


def _insert(
    seen_by: SeenBy, source: UUID, shift: int, counted: Sequence[Counted], own: tuple[UUID, UUID] | None = None
) -> int:
    """Write what is not there yet, in one statement; returns how many rows."""
    columns: list[list[Any]] = [
        [own[0] if own else one.endpoint_id for one in counted],
        [own[1] if own else one.revision_id for one in counted],
        [one.number for one in counted],
        [one.requests for one in counted],
        [one.caller_errors for one in counted],
        [one.server_errors for one in counted],
        [one.latencies for one in counted],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [seen_by, source, shift, *columns])
        return int(cursor.rowcount)


def _tell(counted: Sequence[Counted], shift: int) -> None:
    """Tell of the second before the newest: whoever counted in it has sent it by now."""
    newest = max(one.number for one in counted)
    at = datetime.fromtimestamp(newest + shift - 1, UTC)
    if clock.db_now() - at > timedelta(seconds=FRESH_SECONDS):
        return
    ids = sorted({one.endpoint_id for one in counted if one.number >= newest - 1})
    found = told_figures(ids, at)
    requests = [int(found[one]["requests_per_second"]) if one in found else 0 for one in ids]
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [at, ids, requests])
        beating = [row[0] for row in cursor.fetchall()]
    _emit({one: found.get(one) or silence(at) for one in beating})


def _emit(told: dict[UUID, dict[str, Any]]) -> None:
    endpoints = Endpoint.objects.in_bulk(list(told))
    emit_many(News(KIND, subject_of(endpoint), endpoint.project_id, told[key]) for key, endpoint in endpoints.items())
