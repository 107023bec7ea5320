"""What was requested, used and paid: sums of the ledger by project, user, kind of GPU, pool and day of UTC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from apps.access.models import Project, User
from apps.quotas.models import ResourcePool
from apps.quotas.selectors.ledger_sql import AMOUNT, PRICE, tables

DAY, PROJECT, USER, FLAVOR, POOL = "day", "project", "user", "flavor", "pool"
KEYS = (DAY, PROJECT, USER, FLAVOR, POOL)
"""What a report may be by, in the order of its columns and of its rows."""
WINDOW = timedelta(days=31)
"""The ledger is read in pieces of so much time, so that no statement takes long."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of the ledger, and by what.

    Args:
        until: at most now.
        project, pool, flavor: only these; None: all. The caller has seen that the reader may see them.
    """

    since: datetime
    until: datetime
    by: tuple[str, ...]
    project: Project | None = None
    pool: ResourcePool | None = None
    flavor: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a report; keys that it is not by are None."""

    day: date | None
    project: UUID | None
    project_name: str | None
    user: UUID | None
    user_name: str | None
    """None with `user` asked for: nobody, a schedule for instance."""
    flavor: str | None
    """Empty: of what held no GPU."""
    pool: UUID | None
    pool_name: str | None
    gpu_seconds_requested: Decimal
    """Of whole devices, while they were reserved: what is billed."""
    gpu_seconds_used: Decimal
    """Of it, from when it ran."""
    gpu_seconds_unpriced: Decimal
    """Of what was requested, in times without a rate."""
    core_seconds_requested: Decimal
    core_seconds_used: Decimal
    cost: Decimal
    """In the currency of the installation, by the rates of that time."""


FIGURES = tuple(
    name for name in Line.__dataclass_fields__ if name.endswith(("_requested", "_used", "_unpriced", "cost"))
)
"""What is summed up."""
_COLUMNS = {
    DAY: "(s.day AT TIME ZONE 'UTC')::date",
    PROJECT: "s.project_id",
    USER: "s.requested_by_id",
    FLAVOR: "s.flavor",
    POOL: "s.pool_id",
}
_NAMES = {
    PROJECT: ("project", "project_id", "name"),
    USER: ("user", "requested_by_id", "username"),
    POOL: ("pool", "pool_id", "name"),
}
_SECONDS = "GREATEST(extract(epoch FROM {} - {}), 0)"
_SQL = """
WITH {price}, record AS (
    SELECT u.project_id, {requested_by} AS requested_by_id, u.pool_id, u.flavor, u.cpu_millis, u.memory_bytes,
           u.gpu_millis, GREATEST(u.reserved_at, %(since)s) AS begins, u.used_at,
           LEAST(COALESCE(u.closed_at, %(until)s), %(until)s) AS ends
    FROM {usage} u {joined}
    WHERE u.reserved_at < %(until)s AND (u.closed_at IS NULL OR u.closed_at > %(since)s) {only}
), span AS ({spans}
), held AS (
    SELECT {keys}, sum(s.gpu_millis * {held}) / 1000 AS gpu_seconds_requested,
           COALESCE(sum(s.gpu_millis * {ran}), 0) / 1000 AS gpu_seconds_used,
           sum(s.cpu_millis * {held}) / 1000 AS core_seconds_requested,
           COALESCE(sum(s.cpu_millis * {ran}), 0) / 1000 AS core_seconds_used
    FROM span s GROUP BY {positions}
), paid AS (
    SELECT {keys}, sum({amount} * p.price * {paid}) / 3600 AS cost,
           COALESCE(sum(s.gpu_millis * {paid}) FILTER (WHERE p.resource = 'gpus'), 0) / 1000 AS gpu_seconds
    FROM span s JOIN price p ON p.pool_id = s.pool_id AND p.begins < s.ends AND p.ends > s.begins
        AND (p.resource <> 'gpus' OR p.flavor = s.flavor)
    GROUP BY {positions}
)
SELECT held.*{names}, COALESCE(paid.cost, 0) AS cost,
       held.gpu_seconds_requested - COALESCE(paid.gpu_seconds, 0) AS gpu_seconds_unpriced
FROM held LEFT JOIN paid ON {same} {named} ORDER BY {order}
"""
_WHOLE = """
    SELECT record.*, NULL::timestamptz AS day FROM record WHERE ends > begins"""
_BY_DAY = """
    SELECT project_id, requested_by_id, pool_id, flavor, cpu_millis, memory_bytes, gpu_millis,
           GREATEST(begins, day) AS begins, used_at, LEAST(ends, day + interval '24 hours') AS ends, day
    FROM record CROSS JOIN LATERAL
        generate_series(date_trunc('day', begins, 'UTC'), ends, interval '24 hours') AS day
    WHERE ends > begins AND ends > day"""


def usage_report(user: Any, asked: Asked) -> Iterator[Line]:
    """The lines of a report over what the user may see, in order. A query per piece of time, and one beforehand.

    What is asked for by day comes a piece at a time, whatever the range; else all pieces are summed up first.
    """
    seen = None if user.is_superuser else list(Project.objects.visible_to(user).values_list("pk", flat=True))
    lines = (_line(row) for since, until in windows(asked) for row in _rows(asked, seen, since, until))
    return lines if DAY in asked.by else iter(_summed(lines))


def _line(row: dict[str, Any]) -> Line:
    figures: dict[str, Any] = {name: row.get(name) for name in Line.__dataclass_fields__}
    return Line(**figures)


def _summed(lines: Iterator[Line]) -> list[Line]:
    """One line per key, in the order of names."""
    found: dict[tuple[Any, ...], Line] = {}
    for line in lines:
        key = (line.project, line.user, line.flavor, line.pool)
        known = found.get(key)
        if known is not None:
            line = replace(line, **{name: getattr(known, name) + getattr(line, name) for name in FIGURES})
        found[key] = line
    return sorted(
        found.values(),
        key=lambda one: tuple(text or "" for text in (one.project_name, one.user_name, one.flavor, one.pool_name)),
    )


def windows(asked: Asked) -> Iterator[tuple[datetime, datetime]]:
    """The pieces of a range: whole days, but for its ends."""
    since = asked.since
    while since < asked.until:
        following = (since + WINDOW).replace(hour=0, minute=0, second=0, microsecond=0)
        until = min(following, asked.until)
        yield since, until
        since = until


def _rows(asked: Asked, seen: Sequence[UUID] | None, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    narrow = {"project": asked.project and asked.project.pk, "pool": asked.pool and asked.pool.pk}
    values: dict[str, Any] = {"since": since, "until": until, **narrow, "flavor": asked.flavor, "seen": seen}
    with connection.cursor() as cursor:
        cursor.execute(_sql(asked, seen), values)
        names = [column.name for column in cursor.description or ()]
        while found := cursor.fetchmany(1000):
            yield from (dict(zip(names, row, strict=True)) for row in found)


def _sql(asked: Asked, seen: Sequence[UUID] | None) -> str:
    by = [key for key in KEYS if key in asked.by]
    only = [
        *(["u.project_id = ANY(%(seen)s::uuid[])"] if seen is not None else []),
        *(["u.project_id = %(project)s"] if asked.project is not None else []),
        *(["u.pool_id = %(pool)s"] if asked.pool is not None else []),
        *(["u.flavor = %(flavor)s"] if asked.flavor is not None else []),
    ]
    named = [key for key in by if key in _NAMES]
    models = {PROJECT: Project, USER: User, POOL: ResourcePool}
    joins = [f'LEFT JOIN "{models[key]._meta.db_table}" "{key}_row" ON "{key}_row".id = held."{key}"' for key in named]
    order = [f'"{key}_row".{_NAMES[key][2]}' if key in named else f'held."{key}"' for key in by]
    is_by_user = USER in by
    table = tables()
    return _SQL.format(
        price=PRICE.format(**table),
        requested_by="w.requested_by_id" if is_by_user else "NULL::uuid",
        usage=table["usage"],
        joined=f"JOIN {table['workload']} w ON w.id = u.workload_id" if is_by_user else "",
        only="".join(f" AND {one}" for one in only),
        spans=_BY_DAY if DAY in by else _WHOLE,
        keys=", ".join(f'{_COLUMNS[key]} AS "{key}"' for key in by) or "1 AS one",
        positions=", ".join(str(place) for place in range(1, len(by) + 1)) or "1",
        held=_SECONDS.format("s.ends", "s.begins"),
        ran=_SECONDS.format("s.ends", "GREATEST(s.used_at, s.begins)") + "* (s.used_at IS NOT NULL)::int",
        paid=_SECONDS.format("LEAST(s.ends, p.ends)", "GREATEST(s.begins, p.begins)"),
        amount=AMOUNT,
        same=" AND ".join(f'paid."{key}" IS NOT DISTINCT FROM held."{key}"' for key in by) or "TRUE",
        names="".join(f', "{key}_row".{_NAMES[key][2]} AS {key}_name' for key in named),
        named=" ".join(joins),
        order=", ".join(f"{one} NULLS FIRST" for one in order) or "1",
    )
