"""The tick: seconds become minutes, and what was kept long enough goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.common import clock
from apps.common.events import subject_of
from apps.common.models import Event
from apps.deployments.models import Endpoint, EndpointMinute, EndpointPulse, EndpointSecond
from apps.deployments.selectors.figures import MINUTES_DAYS
from apps.deployments.services.figures import AGE_MOST_SECONDS, KIND
from workers.contracts.latencies import add_packed, pack

MARGIN_SECONDS = 120
"""Longer than a request takes: a second that could still come, or come again, is not merged yet."""
ROWS_PER_STATEMENT = 10_000
BUDGET_SECONDS = 15.0
"""Of each kind of work per tick; what is left over waits for the next."""
NEWS_SECONDS = 600
"""How long a reader of the outbox can use what an endpoint's figures were; the figures themselves stay."""

_TAKE = f"""
DELETE FROM {EndpointSecond._meta.db_table} WHERE id = ANY(ARRAY(
    SELECT id FROM {EndpointSecond._meta.db_table} WHERE at < %s
    ORDER BY at LIMIT {ROWS_PER_STATEMENT} FOR UPDATE SKIP LOCKED))
RETURNING endpoint_id, revision_id, seen_by, date_bin('1 minute', at, 'epoch'),
    requests, caller_errors, server_errors, latencies
"""  # noqa: S608 - names of our own tables
_ADD = f"""
INSERT INTO {EndpointMinute._meta.db_table} AS m
    (endpoint_id, revision_id, seen_by, at, requests, caller_errors, server_errors, latencies)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[])
ON CONFLICT ON CONSTRAINT endpoint_minute_once DO UPDATE SET requests = m.requests + excluded.requests,
    caller_errors = m.caller_errors + excluded.caller_errors, server_errors = m.server_errors + excluded.server_errors,
    latencies = m.latencies || excluded.latencies
"""  # noqa: S608
_FORGET_MINUTES = f"""
DELETE FROM {EndpointMinute._meta.db_table} WHERE id = ANY(ARRAY(
    SELECT id FROM {EndpointMinute._meta.db_table} WHERE at < %s
    ORDER BY at LIMIT {ROWS_PER_STATEMENT} FOR UPDATE SKIP LOCKED))
"""  # noqa: S608
_FORGET_NEWS = f"""
DELETE FROM {Event._meta.db_table} WHERE id = ANY(ARRAY(
    SELECT id FROM {Event._meta.db_table} WHERE subject = ANY(%s) AND kind = %s AND created_at < %s
    LIMIT {ROWS_PER_STATEMENT} FOR UPDATE SKIP LOCKED))
"""  # noqa: S608


def figures_keep_up() -> None:
    """Merge seconds that can change no more into minutes, and forget minutes and news that are old enough."""
    at = clock.db_now()
    over = at - timedelta(seconds=AGE_MOST_SECONDS + MARGIN_SECONDS)
    _while_full(lambda: _fold(over.replace(second=0, microsecond=0)))
    month = at - timedelta(days=MINUTES_DAYS)
    _while_full(lambda: _delete(_FORGET_MINUTES, [month]))
    # By subject, which is indexed; an endpoint without a pulse was never told of.
    subjects = [subject_of(Endpoint(pk=key)) for key in EndpointPulse.objects.values_list("pk", flat=True)]
    _while_full(lambda: _delete(_FORGET_NEWS, [subjects, KIND, at - timedelta(seconds=NEWS_SECONDS)]))


def _while_full(step: Callable[[], int]) -> None:
    """Repeat while there is more than fits into one statement, for a while."""
    until = time.monotonic() + BUDGET_SECONDS
    while step() == ROWS_PER_STATEMENT and time.monotonic() < until:
        continue


@transaction.atomic
def _fold(before: datetime) -> int:
    """Take the oldest seconds before a moment away and add them to their minutes; returns how many.

    Taken and added in one transaction, each second counts once, however many do this at the same time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [before])
        taken = cursor.fetchall()
        if taken:
            cursor.execute(_ADD, _columns(_merged(taken)))
    return len(taken)


Key = tuple[Any, ...]


def _merged(taken: Iterable[tuple[Any, ...]]) -> dict[Key, list[Any]]:
    """By endpoint, revision, seen_by, minute: the sums and the merged latencies."""
    found: defaultdict[Key, list[Any]] = defaultdict(lambda: [0, 0, 0, {}])
    for *key, requests, caller_errors, server_errors, latencies in taken:
        sums = found[tuple(key)]
        for place, number in enumerate((requests, caller_errors, server_errors)):
            sums[place] += number
        add_packed(sums[3], bytes(latencies))
    return found


def _columns(merged: dict[Key, list[Any]]) -> list[list[Any]]:
    """The rows as columns, in one order for everybody: two that add to the same minutes never wait for each other."""
    rows = sorted(merged.items(), key=lambda item: [str(part) for part in item[0]])
    keys = [list(column) for column in zip(*(key for key, _ in rows), strict=True)]
    sums = [list(column) for column in zip(*(values[:3] for _, values in rows), strict=True)]
    return [*keys, *sums, [pack(values[3].items()) for _, values in rows]]


def _delete(sql: str, values: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)
